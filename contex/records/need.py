"""Needs as plain data, and the limits that hold for every need, however it was written.

Decides what a need may be. What meets it is decided by `contex.records.meeting`.
"""

from collections.abc import Iterator, Sequence

from contex.errors import InvalidRecord
from contex.records.registration import (
    EXCLUSIONS_MAX,
    FILTER_NAME_CHARACTERS_MAX,
    FILTER_TEXT_CHARACTERS_MAX,
    FILTER_TEXTS_MAX,
    FILTERS_MAX,
    NEED_CHARACTERS_MAX,
    NEEDS_BYTES_MAX,
    NEEDS_MAX,
    STATEMENTS_MAX,
    Exclusion,
    Need,
)
from contex.records.wire import Datum


def from_need(need: Need) -> Datum:
    """Return the fields of a need."""
    return {
        "text": need.text,
        "threshold": need.threshold,
        "filters": {label: list(texts) for label, texts in need.filters.items()},
        "exclusions": [
            {"text": exclusion.text, "threshold": exclusion.threshold}
            for exclusion in need.exclusions
        ],
    }


def to_need(datum: Datum) -> Need:
    """Read a need out of its fields; its limits are checked with all needs of the agent."""
    return Need(
        text=datum["text"],
        threshold=datum["threshold"],
        filters={label: tuple(texts) for label, texts in datum["filters"].items()},
        exclusions=tuple(Exclusion(**exclusion) for exclusion in datum["exclusions"]),
    )


def check_needs(needs: tuple[Need, ...]) -> tuple[Need, ...]:
    """Return `needs` if an agent may have them.

    Raises:
        InvalidRecord: naming the need and the rule.
    """
    _at_most("needs", len(needs), NEEDS_MAX)
    statements = len(needs) + sum(len(need.exclusions) for need in needs)
    if statements > STATEMENTS_MAX:
        raise InvalidRecord(
            f"needs and their exclusions must be at most {STATEMENTS_MAX}, got {statements}",
            field="needs",
        )
    for place, need in enumerate(needs):
        _check_need(f"needs[{place}]", need)
    said_bytes = sum(len(text.encode(errors="replace")) for need in needs for text in _said(need))
    if said_bytes > NEEDS_BYTES_MAX:
        raise InvalidRecord(
            f"needs must be at most {NEEDS_BYTES_MAX} bytes in all, got {said_bytes}",
            field="needs",
        )
    return needs


def _said(need: Need) -> Iterator[str]:
    yield need.text
    for exclusion in need.exclusions:
        yield exclusion.text
    for label, texts in need.filters.items():
        yield label
        yield from texts


def _check_need(field: str, need: Need) -> None:
    _check_text(f"{field}.text", need.text)
    _check_threshold(f"{field}.threshold", need.threshold)
    _at_most(f"{field}.exclusions", len(need.exclusions), EXCLUSIONS_MAX)
    for place, exclusion in enumerate(need.exclusions):
        _check_text(f"{field}.exclusions[{place}].text", exclusion.text)
        _check_threshold(f"{field}.exclusions[{place}].threshold", exclusion.threshold)
    _at_most(f"{field}.filters", len(need.filters), FILTERS_MAX)
    for label, texts in need.filters.items():
        _check_filter(f"{field}.filters", label, texts)


def _check_filter(field: str, label: str, texts: Sequence[str]) -> None:
    if not 1 <= len(label) <= FILTER_NAME_CHARACTERS_MAX:
        raise InvalidRecord(
            f"a label of {field} must be 1 to {FILTER_NAME_CHARACTERS_MAX} characters, "
            f"got {len(label)}",
            field=field,
        )
    if not 1 <= len(texts) <= FILTER_TEXTS_MAX:
        raise InvalidRecord(
            f"{field}.{label} must be 1 to {FILTER_TEXTS_MAX} texts, got {len(texts)}",
            field=f"{field}.{label}",
        )
    longest = max(len(text) for text in texts)
    if longest > FILTER_TEXT_CHARACTERS_MAX:
        raise InvalidRecord(
            f"a text of {field}.{label} must be at most {FILTER_TEXT_CHARACTERS_MAX} characters, "
            f"got {longest}",
            field=f"{field}.{label}",
        )


def _at_most(field: str, count: int, count_max: int) -> None:
    if count > count_max:
        raise InvalidRecord(f"{field} must be at most {count_max}, got {count}", field=field)


def _check_text(field: str, text: str) -> None:
    if not text.strip() or len(text) > NEED_CHARACTERS_MAX:
        raise InvalidRecord(
            f"{field} must be 1 to {NEED_CHARACTERS_MAX} characters, not blank, got {len(text)}",
            field=field,
        )


def _check_threshold(field: str, threshold: float) -> None:
    if not -1 <= threshold <= 1:  # NaN is not
        raise InvalidRecord(f"{field} must be -1 to 1, got {threshold}", field=field)
