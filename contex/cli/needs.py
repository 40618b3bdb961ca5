"""Needs as people write them: options, or a file in JSON, YAML or one need a line.

Decides the forms of that file. Whether a need is acceptable, the gateway decides.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final

from contex.cli.exits import Exit
from contex.cli.failures import Failed
from contex.cli.files import NotText, as_text
from contex.cli.labels import meant
from contex.client.types import Exclusion, Need
from contex.records.registration import THRESHOLD_DEFAULT

FILE_BYTES_MAX: Final = 1_000_000
WRONG_SHOWN_MAX: Final = 20
_MEMBERS: Final = frozenset({"text", "threshold", "filters", "exclusions"})
_YAML: Final = frozenset({".yaml", ".yml"})
_STDIN: Final = "<stdin>"
_FORM: Final = (
    'Write a list of needs: texts, or objects such as {"text": "...", "threshold": 0.4, '
    '"filters": {"team": "web"}, "exclusions": ["..."]}.'
)


def from_options(
    texts: Sequence[str],
    threshold: float | None,
    filters: Mapping[str, str | list[str]] | None,
    exclusions: Sequence[str],
) -> list[Need]:
    """Return the needs of --need options, all with the same threshold, filters and exclusions."""
    chosen = THRESHOLD_DEFAULT if threshold is None else threshold
    labels = _filters(filters or {})
    not_meant = tuple(Exclusion(text) for text in exclusions)
    return [Need(text, chosen, labels, not_meant) for text in texts]


def from_file(file: IO[bytes]) -> list[Need]:
    """Read an open file of needs, or standard input.

    Raises:
        Failed: it is too large, is no text, or holds something else.
    """
    name = Path(getattr(file, "name", _STDIN)).name
    content = file.read(FILE_BYTES_MAX + 1)
    if len(content) > FILE_BYTES_MAX:
        raise _wrong(name, f"has more than {FILE_BYTES_MAX:,} bytes")
    try:
        return from_text(as_text(content), name)
    except NotText as error:
        raise _wrong(name, str(error)) from error


def from_text(text: str, name: str) -> list[Need]:
    """Read a file of needs; its name's ending tells the form; any other may be JSON or lines.

    Raises:
        Failed: saying what is wrong and how it should be written.
    """
    if Path(name).suffix.lower() in _YAML:
        written: Any = _yaml(text, name)
    elif text.lstrip().startswith(("[", "{")):
        try:
            written = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise _wrong(name, f"is no JSON: {error}") from error
    else:
        lines = (line.strip() for line in text.splitlines())
        written = [line for line in lines if line and not line.startswith("#")]
    if isinstance(written, dict) and set(written) == {"data_needs"}:
        written = written["data_needs"]
    if not isinstance(written, list) or not written:
        raise _wrong(name, "holds no list of needs")
    return _all(written, name)


def _all(written: Sequence[object], name: str) -> list[Need]:
    """Read every need, so that all that is wrong is told at once."""
    found, wrong = [], []
    for number, one in enumerate(written, start=1):
        try:
            found.append(_need(one, f"{name}: need {number}"))
        except Failed as error:
            wrong.append(error.message)
    if len(wrong) > 1:
        shown, more = tuple(wrong[:WRONG_SHOWN_MAX]), len(wrong) - WRONG_SHOWN_MAX
        facts = (*shown, f"... and {more:,} more") if more > 0 else shown
        message = f"{name}: {len(wrong):,} of {len(written):,} needs are wrong"
        raise Failed(message, _FORM, status=Exit.USAGE, facts=facts)
    if wrong:
        raise Failed(wrong[0], _FORM, status=Exit.USAGE)
    return found


def _need(written: object, place: str) -> Need:
    if isinstance(written, str):
        return Need(written)
    if not isinstance(written, dict) or not isinstance(written.get("text"), str):
        raise _wrong(place, "has no text")
    if strange := sorted(map(str, set(written) - _MEMBERS)):
        raise _wrong(place, f"has the unknown member {strange[0]!r}.{meant(strange[0], _MEMBERS)}")
    filters = written.get("filters", {})
    exclusions = written.get("exclusions", [])
    if not isinstance(filters, dict) or not isinstance(exclusions, list):
        raise _wrong(place, "has filters or exclusions of another form")
    return Need(
        written["text"],
        **_threshold(written, place),
        filters=_filters(filters),
        exclusions=tuple(_exclusion(one, place) for one in exclusions),
    )


def _exclusion(written: object, place: str) -> Exclusion:
    if isinstance(written, str):
        return Exclusion(written)
    if not isinstance(written, dict) or not isinstance(written.get("text"), str):
        raise _wrong(place, "has an exclusion without a text")
    return Exclusion(written["text"], **_threshold(written, place))


def _threshold(written: Mapping[str, Any], place: str) -> dict[str, float]:
    try:
        return {"threshold": float(written["threshold"])} if "threshold" in written else {}
    except (TypeError, ValueError, OverflowError) as error:
        raise _wrong(place, f"has a threshold that is no number: {error}") from error


def _filters(written: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    return {
        str(name): tuple(map(str, texts)) if isinstance(texts, list) else (str(texts),)
        for name, texts in written.items()
    }


def _yaml(text: str, name: str) -> object:
    from contex.errors import ContexError  # noqa: PLC0415 - as below

    try:
        # The server's parser: safe, and every scalar stays as written. A client may lack it.
        from contex.text.yaml_format import read_yaml  # noqa: PLC0415 - see above
    except ModuleNotFoundError as error:
        advice = 'Write it as JSON, or: pip install "contex-stream[server]"'
        raise Failed(f"reading {name} needs the package {error.name!r}", advice) from error
    try:
        return _plain(read_yaml(text))
    except ContexError as error:
        raise Failed(f"{name}: {error}", _FORM, status=Exit.USAGE) from error


def _plain(node: object) -> object:
    from contex.text.parsed import Array, Object  # noqa: PLC0415 - with the parser

    if isinstance(node, Object):
        return {name: _plain(one) for name, one in node.entries}
    if isinstance(node, Array):
        return [_plain(one) for one in node.items]
    return node


def _wrong(place: str, what: str) -> Failed:
    return Failed(f"{place} {what}", _FORM, status=Exit.USAGE)
