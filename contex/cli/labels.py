"""Words on the command line that mean more than a word: `name=text`, times, needs.

Decides how they are written. Whether a value may have such a label is decided by the gateway.
"""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Final

import click

_LIKENESS_MIN: Final = 0.6


def meant(typed: str, names: Iterable[str]) -> str:
    """Return a question that names what is likest to `typed`, or nothing."""
    close = get_close_matches(typed, list(names), n=2, cutoff=_LIKENESS_MIN)
    return f" Did you mean {' or '.join(map(repr, close))}?" if close else ""


def pairs(given: Sequence[str], option: str) -> dict[str, str]:
    """Read `name=text` words, each name once.

    Raises:
        click.BadParameter: naming the word that is none.
    """
    labels: dict[str, str] = {}
    for one in given:
        name, equals, text = one.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"expected NAME=TEXT, got {one!r}", param_hint=option)
        if name in labels:
            raise click.BadParameter(f"{name!r} is given twice", param_hint=option)
        labels[name] = text
    return labels


def filters(given: Sequence[str]) -> Mapping[str, str | list[str]] | None:
    """Read `--filter` words: a name that comes again may have any of its texts."""
    labels: dict[str, list[str]] = {}
    for one in given:
        name, equals, text = one.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"expected NAME=TEXT, got {one!r}", param_hint="--filter")
        labels.setdefault(name, []).append(text)
    alone = {name: texts[0] if len(texts) == 1 else texts for name, texts in labels.items()}
    return alone or None
