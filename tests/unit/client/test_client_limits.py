"""What the client and the command line bound by themselves is bounded by the gateway alike."""

import json

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contex.cli.query import query
from contex.client import asking, operations
from contex.client.errors import InvalidRequest
from contex.client.types import Failure, Publish
from contex.client.wire import Answer
from contex.query import types
from gateway import limits
from gateway.models import AgentsQuery, ValuesQuery
from gateway.writes.keys import read_key


def choices(name: str) -> click.ParamType:
    [option] = [one for one in query.params if one.name == name]
    return option.type


def test_what_is_sent_at_once_is_what_the_gateway_takes_at_once() -> None:
    assert operations.BATCH_ITEMS_MAX == limits.BATCH_ITEMS_MAX
    assert operations.BATCH_BYTES_MAX == limits.BATCH_BYTES_MAX
    assert operations.QUERIES_MAX == types.QUERIES_MAX
    assert asking.KEY_CHARACTERS_MAX == limits.IDEMPOTENCY_KEY_CHARACTERS_MAX


def test_the_pages_that_are_asked_for_are_given() -> None:
    assert AgentsQuery(limit=operations.PAGE_AGENTS).limit == operations.PAGE_AGENTS
    assert ValuesQuery(limit=operations.PAGE_VALUES).limit == operations.PAGE_VALUES


def test_the_command_line_offers_what_a_query_may_say() -> None:
    top_k, mode = choices("top_k"), choices("mode")
    assert isinstance(top_k, click.IntRange)
    assert isinstance(mode, click.Choice)
    assert (top_k.min, top_k.max) == (1, types.TOP_K_MAX)
    assert sorted(mode.choices) == sorted(types.Mode)


@given(st.text(st.characters(codec="latin-1"), max_size=300))
def test_a_key_that_the_client_sends_is_one_to_the_gateway(key: str) -> None:
    try:
        headers = asking.key_headers(key)
    except InvalidRequest:
        return
    [sent] = headers.values()
    quoted = len(key) > 1 and key[0] == key[-1] == '"'
    assert read_key([sent]) == (key[1:-1] if quoted else key) or "\\" in key


@given(st.lists(st.text(max_size=40), max_size=30), st.integers(30, 300), st.integers(1, 7))
def test_batches_hold_every_item_once_in_order_within_both_bounds(
    texts: list[str], size_bytes_max: int, items_max: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(operations, "BATCH_BYTES_MAX", size_bytes_max)
        patch.setattr(operations, "BATCH_ITEMS_MAX", items_max)
        items = [Publish(f"k{number}", text) for number, text in enumerate(texts)]
        found: list[str] = []
        for batch in operations.batches(items, "p", lambda: "key"):
            if isinstance(batch, Failure):
                found.append(batch.data_key)
                continue
            body = batch.request.body
            assert body is not None
            assert len(body) <= size_bytes_max, f"expected at most {size_bytes_max}: {body!r}"
            sent = [one["data_key"] for one in json.loads(body)]
            assert 0 < len(sent) <= items_max
            results = [
                {"status": "success", "project_id": "p", "data_key": one, "revision": 1}
                for one in sent
            ]
            answer = Answer(200, {}, asking.dump({"results": results}))
            found += [one.data_key for one in batch.read(answer)]
        assert found == [item.data_key for item in items]
