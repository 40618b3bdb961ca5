"""Needs with filters and exclusions, told alike whichever came first: real Kafka, index, model."""

import uuid
from collections.abc import Iterator

import pytest
from product import Api, UpdatesLog, wait_until

from contex.local.stack import Stack, StackOptions
from contex.records.publication import INLINE_BYTES_MAX

NOT_DEPRECATED = {"text": "API documents", "exclusions": ["deprecated"]}
PUBLIC = {"text": "API documents", "filters": {"audience": ["public", "partners"]}}
ORDERS = {"title": "Orders API", "version": "v3", "endpoints": ["GET /orders", "POST /orders"]}
CURRENT = {
    "api/orders": {**ORDERS, "status": "stable"},
    "api/payments": {
        "title": "Payments API reference",
        "description": "How to create and refund a payment over HTTP",
        "auth": "bearer token",
    },
}
DEPRECATED = {
    "api/orders-v1": {
        "title": "Orders API",
        "version": "v1",
        "status": "deprecated",
        "sunset": "2025-01-01",
    },
    "api/billing-old": {
        "title": "Billing API documentation",
        "deprecated": True,
        "replacement": "api/payments",
    },
}
LUNCH = {"monday": "pasta", "tuesday": "soup"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(StackOptions(tmp_path_factory.mktemp("stack"))) as stack:
        yield stack


@pytest.fixture(scope="module")
def log(stack: Stack) -> Iterator[UpdatesLog]:
    with UpdatesLog(stack.bootstrap) as log:
        yield log


@pytest.fixture
def api(stack: Stack) -> Api:
    return Api(stack.gateway_url, f"p-{uuid.uuid4().hex[:8]}")


def join(api: Api, log: UpdatesLog, agent: str, *needs: object) -> set[str]:
    """Register an agent; return what its initial context holds."""
    epoch = api.register(agent, *needs)["epoch"]

    def initial() -> set[str] | None:
        for update in log.of(api.project, agent):
            if update.epoch == epoch and update.kind == "initial":
                return {item.data_key for item in update.items} | {""}
        return None

    found: set[str] = wait_until(initial, f"{agent} to have its initial context")
    return found - {""}


def holds(api: Api, log: UpdatesLog, agent: str, expected: set[str]) -> None:
    wait_until(
        lambda: set(log.holdings(api.project, agent)) == expected,
        f"{agent} to hold {sorted(expected)}",
    )


@pytest.mark.promise(2)
@pytest.mark.promise(3)
def test_api_documents_but_not_deprecated_ones(api: Api, log: UpdatesLog) -> None:
    join(api, log, "early", NOT_DEPRECATED)
    join(api, log, "greedy", "API documents")
    for key, data in {**DEPRECATED, **CURRENT, "lunch": LUNCH}.items():
        api.publish(key, data)
    holds(api, log, "greedy", {*CURRENT, *DEPRECATED})
    holds(api, log, "early", {*CURRENT})
    told_early = {item.data_key for update in log.of(api.project, "early") for item in update.items}
    assert told_early == {*CURRENT}, "expected what is excluded never to be told"

    assert join(api, log, "late", NOT_DEPRECATED) == {*CURRENT}
    asked = api.call(
        "POST",
        f"/projects/{api.project}/query",
        {"query": NOT_DEPRECATED, "mode": "dense", "top_k": 50},
    )
    assert {match["data_key"] for match in asked["matches"]} == {*CURRENT}

    revision = api.publish("api/orders", {**ORDERS, "status": "deprecated", "deprecated": True})

    for agent in ("early", "late"):
        retracted = log.wait_for(api.project, agent, "retracted", "api/orders")
        assert (retracted.items[0].revision, retracted.items[0].content) == (revision, None)
        holds(api, log, agent, {*CURRENT} - {"api/orders"})
    log.wait_for(api.project, "greedy", "updated", "api/orders")
    api.publish("api/orders", CURRENT["api/orders"])
    holds(api, log, "late", {*CURRENT})


@pytest.mark.promise(2)
@pytest.mark.promise(3)
@pytest.mark.parametrize("size_bytes", [0, INLINE_BYTES_MAX])
def test_a_change_of_metadata_alone_is_routed(api: Api, log: UpdatesLog, size_bytes: int) -> None:
    # Filters are judged for values too large to be kept beside their chunks, too.
    data = {**ORDERS, "appendix": "0123456789abcdef" * (size_bytes // 16)}
    join(api, log, "early", PUBLIC)
    join(api, log, "greedy", "API documents")

    api.publish("api/orders", data, metadata={"audience": "internal"})
    log.wait_for(api.project, "greedy", "matched", "api/orders")
    assert join(api, log, "late", PUBLIC) == set()
    assert log.holdings(api.project, "early") == {}

    public = api.publish("api/orders", data, metadata={"audience": "public", "team": "shop"})
    for agent in ("early", "late"):
        matched = log.wait_for(api.project, agent, "matched", "api/orders")
        assert matched.items[0].revision == public
        assert (matched.items[0].reference is None) == (size_bytes == 0)
    assert join(api, log, "later", PUBLIC) == {"api/orders"}

    internal = api.publish("api/orders", data, metadata={"audience": "internal"})
    for agent in ("early", "late", "later"):
        retracted = log.wait_for(api.project, agent, "retracted", "api/orders")
        assert retracted.items[0].revision == internal
        holds(api, log, agent, set())
    shown = api.call("GET", f"/agents/early?project_id={api.project}")["data_needs"]
    assert shown == [{**PUBLIC, "threshold": 0.34, "exclusions": []}]
