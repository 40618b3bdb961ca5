"""The files that come from the catalogue are what the catalogue says."""

import re
from pathlib import Path

import pytest

from contex.settings import pages
from contex.settings.catalogue import SETTINGS

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("path", "expected", "option"),
    [
        (".env.example", pages.env_example(), "--env-example"),
        ("docs/settings.md", pages.markdown(), "--markdown"),
    ],
)
def test_a_generated_file_is_fresh(path: str, expected: str, option: str) -> None:
    assert (ROOT / path).read_text(encoding="utf-8") == expected, (
        f"{path} is not what the catalogue says; run: contex settings {option} > {path}"
    )


def test_the_example_sets_every_setting_to_its_default() -> None:
    lines = re.findall(r"^#([A-Z_]+)=(.*)$", pages.env_example(), re.MULTILINE)

    assert lines == [(setting.name, setting.default or "") for setting in SETTINGS]


def test_the_example_holds_no_markup_and_no_long_line() -> None:
    for line in pages.env_example().splitlines():
        assert len(line) <= 100, line
        assert not set("[]`") & set(line), line


def test_each_setting_is_explained_once_to_servers() -> None:
    servers, _, clients = pages.markdown().partition("## Clients")
    for setting in SETTINGS:
        rows = [line for line in servers.splitlines() if line.startswith(f"| `{setting.name}` ")]
        assert len(rows) == (set(setting.readers) != {"client"}), setting.name
        assert (f"| `{setting.name}` " in clients) is ("client" in setting.readers), setting.name
