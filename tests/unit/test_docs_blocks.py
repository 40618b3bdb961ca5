"""No command of the documentation escapes being run, and the runner notices what goes wrong."""

from pathlib import Path

import pytest
from docs_commands import Block, Reader, blocks, misfits, pages
from processes import alive, eventually


@pytest.mark.parametrize("page", pages())
def test_every_command_is_run_or_says_why_not(page: str) -> None:
    assert misfits(page, pages()[page]) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("```bash\nls\n```\n", "expected a fence of"),
        ("```console\n$ ls\n```\n", "expected a fence of"),
        ("```shell\nls\n```\n", "expected a fence of"),
        ("- so:\n  ```sh\n  ls\n  ```\n", "expected a fence of"),
        ("~~~sh\nls\n~~~\n", "neither run nor exempted"),
        ("```sh\nls\n", "neither run nor exempted"),
        ("```\nPOST /x\n\ncurl localhost\n```\n", "expected a command in a fence of sh"),
        ("<!-- not run: it serves for ever -->\n\n```sh\nls\n```\n", "exempts no block"),
        ("<!-- not run: -->\n```sh\nls\n```\n", "exempts no block"),
        ("<!-- not run: tests/none/test_x.py does -->\n```sh\nls\n```\n", "there is no tests/none"),
    ],
)
def test_what_would_escape_is_noticed(text: str, said: str) -> None:
    found = misfits("page.md", text)
    assert len(found) == 1, f"expected one misfit, got {found}"
    assert said in found[0]


def test_an_exemption_holds_for_the_block_below_it_alone() -> None:
    text = "<!-- not run: needs a moon -->\n```sh\nls /moon\n```\n\n```python\nprint(1)\n```\n"
    assert misfits("page.md", text) == []
    assert [(one.line, one.language, one.not_run) for one in blocks("page.md", text)] == [
        (2, "sh", "needs a moon"),
        (6, "python", None),
    ]


def block(code: str, language: str = "sh") -> Block:
    return Block("page.md", 1, language, code, None)


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    return Reader(tmp_path, {"localhost:8000": "127.0.0.1:12345"}, {"CONTEX_URL": "here"})


def test_a_page_is_followed_in_one_terminal(reader: Reader) -> None:
    with reader:
        assert reader.run(block("export WORD='a b'\necho $CONTEX_URL")) == "here\n"
        assert reader.run(block("import os\nprint(os.environ['WORD'])", "python")) == "a b\n"
        assert reader.run(block('echo "$WORD" >note\ncat note')) == "a b\n"


def test_places_are_replaced(reader: Reader) -> None:
    with reader:
        assert reader.run(block("echo localhost:8000")) == "127.0.0.1:12345\n"


@pytest.mark.parametrize("code", ["false\ntrue", "false | cat", "echo $NEVER_SET", "exit 3"])
def test_a_command_that_fails_is_noticed(reader: Reader, code: str) -> None:
    with reader, pytest.raises(AssertionError, match=r"page\.md:1: expected status 0, got"):
        reader.run(block(code))


def test_an_answer_that_is_a_problem_is_noticed(reader: Reader) -> None:
    problem = """echo '{"type":"urn:contex:problem:not-found"}'"""
    with reader, pytest.raises(AssertionError, match="expected no problem"):
        reader.run(block(problem))


def test_what_goes_on_in_the_background_ends_with_the_page(reader: Reader) -> None:
    with reader:
        reader.run(block("mkfifo pipe\ncat pipe >heard &\necho $! >pid"))
        pid = int((reader.folder / "pid").read_text())
        assert alive(pid), "expected what was left in the background to go on"
        reader.run(block("echo hello >pipe; until grep hello heard; do :; done"))
        reader.run(block("cat <>pipe &\necho $! >pid"))
        pid = int((reader.folder / "pid").read_text())
        assert alive(pid)
    eventually(lambda: not alive(pid), f"what was left in the background ({pid}) is ended")
