"""Which files an argument stands for, and under which keys."""

import os
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from contex.cli import files
from contex.cli.files import Naming, NotText, TooLarge, Unusable, gather, read_text
from contex.cli.sending import Form, Sent, prepare
from contex.records.publication import VALUE_BYTES_MAX
from contex.text.media import content_type_for

AS_IT_STANDS = Naming()


@pytest.fixture(autouse=True)
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("docs/a.md", "docs/deep/b.yaml", "docs/.hidden.md", "docs/.git/config", "c.json"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x: 1\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def keys(
    *arguments: str, naming: Naming = AS_IT_STANDS, exclude: tuple[str, ...] = ()
) -> list[str]:
    return [source.data_key for source in gather(arguments, naming, exclude).sources]


def test_a_folder_is_its_files_in_order_under_relative_keys() -> None:
    assert keys("docs") == ["docs/a.md", "docs/deep/b.yaml"]
    assert keys("docs/") == keys("./docs") == keys("docs")


def test_what_is_hidden_is_left_out_of_folders_and_counted() -> None:
    assert gather(["docs"], Naming()).hidden == 2


def test_a_hidden_file_that_is_named_is_meant() -> None:
    assert keys("docs/.hidden.md") == ["docs/.hidden.md"]


@pytest.mark.parametrize("pattern", ["**/*.yaml", "docs/*/b.yaml", "docs/deep"])
def test_a_pattern_finds_files_and_folders(pattern: str) -> None:
    assert keys(pattern) == ["docs/deep/b.yaml"]


def test_what_is_found_twice_is_published_once() -> None:
    assert keys("docs", "docs/a.md", "docs/*.md") == ["docs/a.md", "docs/deep/b.yaml"]


@pytest.mark.parametrize(
    ("naming", "expected"),
    [
        (Naming(prefix="team/"), "team/docs/deep/b.yaml"),
        (Naming(base=Path("docs")), "deep/b.yaml"),
        (Naming(strip_extension=True), "docs/deep/b"),
    ],
)
def test_names_are_as_asked(naming: Naming, expected: str) -> None:
    assert keys("docs/deep", naming=naming) == [expected]


def test_outside_of_the_working_folder_the_argument_itself_names(
    tree: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert keys(str(tree / "docs" / "deep")) == ["deep/b.yaml"]


def test_a_file_outside_of_the_base_is_refused() -> None:
    with pytest.raises(Unusable, match=r"c\.json is not below the --base"):
        keys("c.json", naming=Naming(base=Path("docs")))


def test_two_files_of_one_key_are_refused(tree: Path) -> None:
    (tree / "docs" / "a.txt").write_text("x")
    with pytest.raises(Unusable, match="would both be published as 'docs/a'"):
        keys("docs", naming=Naming(strip_extension=True))


def test_what_is_excluded_is_counted() -> None:
    gathered = gather(["docs"], Naming(), ["*.yaml"])
    assert ([one.data_key for one in gathered.sources], gathered.excluded) == (["docs/a.md"], 1)


def test_nothing_found_is_an_error() -> None:
    with pytest.raises(Unusable, match=r"the pattern '\*\.nothing' matches no file"):
        keys("*.nothing")


def test_links_to_folders_are_not_followed(tree: Path) -> None:
    (tree / "docs" / "loop").symlink_to(tree / "docs")
    assert keys("docs") == ["docs/a.md", "docs/deep/b.yaml"]


@pytest.mark.parametrize("content", [b"\x00\x01", b"\xff\xfe\x41", b"caf\xe9"])
def test_what_is_no_utf_8_is_no_text(tree: Path, content: bytes) -> None:
    (tree / "image").write_bytes(content)
    with pytest.raises(NotText):
        read_text(tree / "image")


def test_a_byte_order_mark_is_no_part_of_a_text(tree: Path) -> None:
    (tree / "bom").write_bytes(b"\xef\xbb\xbfhello")
    assert read_text(tree / "bom") == "hello"


def test_the_limit_of_a_value_is_the_gateways(tree: Path) -> None:
    (tree / "full").write_bytes(b"x" * VALUE_BYTES_MAX)
    assert len(read_text(tree / "full")) == VALUE_BYTES_MAX
    (tree / "large").write_bytes(b"x" * (VALUE_BYTES_MAX + 1))
    with pytest.raises(TooLarge, match="has 900,001 bytes; a value may have 900,000"):
        read_text(tree / "large")


def test_every_format_that_an_ending_tells_is_one_of_the_gateways() -> None:
    for ending, name in files.FORMATS.items():
        assert content_type_for(name), ending


def test_an_ending_says_nothing_where_it_is_unknown() -> None:
    assert files.format_of(Path("a/B.YML")) == "yaml"
    assert files.format_of(Path("Makefile")) is None


def test_what_is_no_file_is_left_out_of_folders_and_counted(tree: Path) -> None:
    (tree / "docs" / "loop").symlink_to(tree / "docs")
    (tree / "docs" / "broken").symlink_to(tree / "nothing")
    (tree / "docs" / "self").symlink_to(tree / "docs" / "self")
    os.mkfifo(tree / "docs" / "pipe")
    gathered = gather(["docs"], Naming())
    assert [one.data_key for one in gathered.sources] == ["docs/a.md", "docs/deep/b.yaml"]
    assert gathered.links == 4


def test_a_folder_that_cannot_be_read_is_named_as_a_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scan = os.scandir

    def closed(path: str) -> object:
        if Path(path).name == "deep":
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", closed)
    [readable, locked] = gather(["docs"], Naming()).sources
    assert readable.data_key == "docs/a.md"
    sent = prepare(locked, Form())
    assert isinstance(sent, Sent)
    assert (sent.data_key, sent.skipped, bool(sent.error)) == ("docs/deep", False, True)


@pytest.mark.parametrize("text", ["x" * 300, "x" * 10_000, "zero\0byte"])
def test_what_cannot_be_a_name_is_no_file(text: str) -> None:
    assert not files.are_files(["docs", text])


def test_what_comes_through_a_pipe_is_bounded_too(tree: Path) -> None:
    os.mkfifo(tree / "pipe")
    content = b"x" * (VALUE_BYTES_MAX + 5)
    writer = threading.Thread(target=_write_and_ignore, args=(tree / "pipe", content), daemon=True)
    writer.start()
    with pytest.raises(TooLarge):
        read_text(tree / "pipe")
    writer.join(10)
    assert not writer.is_alive()


def _write_and_ignore(path: Path, content: bytes) -> None:
    with suppress(BrokenPipeError), path.open("wb", buffering=0) as pipe:
        pipe.write(content)


def test_more_files_than_can_be_published_at_once_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(files, "FILES_MAX", 1)
    with pytest.raises(Unusable, match="more than 1 files"):
        keys("docs")
