"""docs/limits.md has the numbers of the code."""

import re
from pathlib import Path

import pytest

from contex.query.types import QUERIES_MAX, TOP_K_MAX
from contex.records.names import DATA_KEY_BYTES_MAX, NAME_PATTERN
from contex.records.publication import INLINE_BYTES_MAX, VALUE_BYTES_MAX
from contex.records.registration import (
    EXCLUSIONS_MAX,
    FILTER_TEXTS_MAX,
    FILTERS_MAX,
    NEED_CHARACTERS_MAX,
    NEEDS_BYTES_MAX,
    NEEDS_MAX,
    STATEMENTS_MAX,
    TOKEN_BUDGET_DEFAULT,
)
from contex.text.limits import CHUNKS_MAX, DEPTH_MAX
from contex.text.passages import TOKENS_MAX
from contex.webhooks.attempts import ATTEMPTS_MAX
from contex.webhooks.sender import CONNECT_TIMEOUT_S, TOTAL_TIMEOUT_S
from contex.webhooks.slots import IN_FLIGHT_MAX, IN_FLIGHT_PER_ENDPOINT_MAX
from gateway import limits
from topology.catalogue import (
    ATTEMPTS_MS,
    DAY_MS,
    DEAD_LETTERS_MS,
    FEED_MS,
    HOUR_S,
    KIB,
    MIB,
    PARTITIONS,
    TIME_TRAVEL_MS,
)

PAGE = Path(__file__).resolve().parents[2] / "docs" / "limits.md"
_ROW = re.compile(r"^\| ([^|]+?) \| ([^|]+?) \|", re.MULTILINE)
ROWS = dict(_ROW.findall(PAGE.read_text(encoding="utf-8")))
SHARED = (limits.METADATA_NAME_CHARACTERS_MAX, limits.METADATA_LABEL_CHARACTERS_MAX)
NUMBERS: dict[str, list[float]] = {
    "a data key": [DATA_KEY_BYTES_MAX],
    "a value": [VALUE_BYTES_MAX, DEPTH_MAX],
    "passages of a value": [CHUNKS_MAX, TOKENS_MAX],
    "labels of a value": [limits.METADATA_LABELS_MAX, *SHARED, limits.METADATA_BYTES_MAX // KIB],
    "needs of an agent": [NEEDS_MAX, NEED_CHARACTERS_MAX],
    "conditions of a need": [EXCLUSIONS_MAX, FILTERS_MAX, FILTER_TEXTS_MAX],
    "needs and exclusions of an agent": [STATEMENTS_MAX, NEEDS_BYTES_MAX // KIB],
    "token budget of an agent": [limits.TOKEN_BUDGET_MAX, TOKEN_BUDGET_DEFAULT],
    "a value inside an update": [INLINE_BYTES_MAX // KIB],
    "a request": [limits.BODY_BYTES_MAX // MIB, limits.BODY_READ_TIMEOUT_S],
    "a batch": [
        limits.BATCH_ITEMS_MAX,
        limits.BATCH_BYTES_MAX // MIB,
        limits.BATCHES_IN_FLIGHT_MAX,
    ],
    "waiting for an outcome": [limits.WAIT_S_MAX, limits.WAITERS_MAX],
    "an idempotency key": [
        limits.IDEMPOTENCY_KEY_CHARACTERS_MAX,
        limits.IDEMPOTENCY_AGE_S_MAX // HOUR_S,
        limits.IDEMPOTENCY_ENTRIES_MAX,
        limits.IDEMPOTENCY_BYTES_MAX // MIB,
    ],
    "a query": [QUERIES_MAX, TOP_K_MAX],
    "a page of a list": [limits.PAGE_VALUES_MAX, limits.PAGE_VALUES_DEFAULT],
    "a gateway": [limits.REQUESTS_IN_FLIGHT_MAX, limits.STREAMS_MAX, 503],
    "what a stream may lag": [
        limits.STREAM_QUEUE_UPDATES_MAX,
        limits.STREAM_QUEUE_BYTES_MAX // MIB,
    ],
    "a webhook's answer": [TOTAL_TIMEOUT_S, CONNECT_TIMEOUT_S],
    "tries of a webhook": [ATTEMPTS_MAX],
    "webhooks under way": [IN_FLIGHT_MAX, IN_FLIGHT_PER_ENDPOINT_MAX],
    "workers that share the work": [PARTITIONS],
    "versions of a value": [TIME_TRAVEL_MS // DAY_MS],
    "updates of an agent": [FEED_MS // DAY_MS],
    "tries of webhooks": [ATTEMPTS_MS // DAY_MS],
    "dead letters": [DEAD_LETTERS_MS // DAY_MS],
}


@pytest.mark.parametrize("row", NUMBERS)
def test_a_row_has_the_numbers_of_the_code_in_their_order(row: str) -> None:
    assert re.findall(r"[\d,]*\d", ROWS[row]) == [f"{number:,.0f}" for number in NUMBERS[row]]


def test_names_are_as_long_as_the_page_says() -> None:
    [(row, said)] = [(row, said) for row, said in ROWS.items() if row.startswith("names of")]
    longest = int(said.split()[0])
    assert NAME_PATTERN.fullmatch("a" * longest), row
    assert not NAME_PATTERN.fullmatch("a" * (longest + 1)), row


def test_no_row_goes_untested() -> None:
    told = {row for row in ROWS if row.strip("- ") and not row.startswith("names of")}
    assert told == NUMBERS.keys()


def test_values_and_agents_are_listed_in_pages_of_one_size() -> None:
    agents = (limits.PAGE_AGENTS_MAX, limits.PAGE_AGENTS_DEFAULT)
    assert agents == (limits.PAGE_VALUES_MAX, limits.PAGE_VALUES_DEFAULT)
