"""Every route with every problem it declares, through HTTP, on a real gateway and Kafka."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import pytest
from gateway_process import GatewayProcess
from problem_recipes import KEY, RECIPES, Place, Reply, Shot, cells, fire, plain

from gateway.codes import MEANINGS, Code
from gateway.openapi.document import problems_of
from gateway.openapi.problem import ProblemDetails
from gateway.problems import CONTENT_TYPE
from gateway.routes import ROUTES, Route

NOWHERE = "127.0.0.1:1"
IMPATIENT = "import gateway.requests as r; assert r.BODY_READ_TIMEOUT_S; r.BODY_READ_TIMEOUT_S = 1"
"""Half a minute for a body is right for users, and long for a test."""

Urls = Mapping[Place, str]


@pytest.fixture(scope="module")
def urls(topics: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Urls]:
    """A gateway that serves, with a key and without an index, and one whose Kafka is away."""
    settings = {"CONTEX_API_KEY": KEY, "QDRANT_URL": "http://127.0.0.1:1"}
    serving = GatewayProcess(
        topics, tmp_path_factory.mktemp("on"), tenant="table", settings=settings, first=IMPATIENT
    )
    starting = GatewayProcess(
        NOWHERE, tmp_path_factory.mktemp("off"), tenant="table", settings=settings
    )
    try:
        serving.start()
        starting.start(until="/health/live")
        yield {Place.SERVING: serving.url, Place.STARTING: starting.url}
    finally:
        serving.kill()
        starting.kill()


async def answered(urls: Urls, shot: Shot) -> Reply:
    if shot.before is not None:
        first = await fire(urls[shot.before.place], shot.before)
        assert first.status < 300, f"expected an acceptance, got {first}"
    return await fire(urls[shot.place], shot)


def judge(route: Route, code: Code, reply: Reply) -> str | None:
    """Return what is wrong with the answer to a recipe, or None."""
    expected, got = (
        (MEANINGS[code].status, CONTENT_TYPE),
        (
            reply.status,
            reply.headers.get("content-type"),
        ),
    )
    if got != expected:
        return f"{route.about.name}: expected {code} {expected}, got {got}: {reply.body[:200]!r}"
    said = ProblemDetails.model_validate_json(reply.body)
    if (said.code, said.status, said.request_id) != (
        code,
        reply.status,
        reply.headers["x-request-id"],
    ):
        return f"{route.about.name}: expected {code}, got {said}"
    wanted = {401: "www-authenticate", 503: "retry-after"}.get(reply.status)
    if wanted is not None and wanted not in reply.headers:
        return f"{route.about.name}: {code} lacks {wanted}"
    return None


async def test_every_declared_problem_is_answered_where_it_is_declared(
    urls: Urls, figure: Callable[[str], None]
) -> None:
    table = cells()
    replies = await asyncio.gather(*(answered(urls, RECIPES[code](route)) for route, code in table))
    wrong = [
        fault
        for (route, code), reply in zip(table, replies, strict=True)
        if (fault := judge(route, code, reply)) is not None
    ]
    assert wrong == []
    figure(
        f"{len(table)} cells: {len(ROUTES)} routes by the problems each declares,"
        f" {len({code for _, code in table})} codes; all answered as declared"
    )


async def test_no_recipe_makes_a_route_answer_what_it_does_not_declare(
    urls: Urls, figure: Callable[[str], None]
) -> None:
    """Every recipe is tried on every route, declared there or not."""
    tried = [
        (route, code, shot)
        for route in ROUTES
        for code, recipe in RECIPES.items()
        if (shot := recipe(route)).announced_bytes is None or route.about.body is not None
    ]
    replies = await asyncio.gather(*(answered(urls, shot) for _, _, shot in tried))
    wrong = []
    for (route, code, _), reply in zip(tried, replies, strict=True):
        if reply.status in route.about.answers:
            continue
        said = reply.problem().get("code")
        if said not in problems_of(route):
            wrong.append(f"{route.about.name} answered {code}'s recipe with {said}: {reply}")
    assert wrong == []
    figure(f"{len(tried)} requests: no answer that its route does not declare")


async def test_without_an_index_only_what_is_asked_of_it_is_unavailable(urls: Urls) -> None:
    by_name = {route.about.name: plain(route) for route in ROUTES}
    newest = by_name["readValue"]
    newest = replace(newest, path=newest.path.partition("?")[0])
    for shot in (by_name["queryValues"], by_name["listValues"], newest):
        reply = await fire(urls[Place.SERVING], shot)
        assert (reply.status, reply.problem()["code"]) == (503, Code.UNAVAILABLE), shot
    published = await fire(urls[Place.SERVING], by_name["publishValue"])
    assert published.status == 202, published


@pytest.mark.parametrize("method", ["PUT", "TRACE"])
async def test_a_method_that_no_route_has_is_405_and_told_which_there_are(
    urls: Urls, method: str
) -> None:
    for route in ROUTES:
        shot = plain(route)
        reply = await fire(urls[Place.SERVING], Shot(method, shot.path, shot.headers))
        assert (reply.status, reply.problem()["code"]) == (405, Code.METHOD_NOT_ALLOWED)
        assert route.method in reply.headers["allow"], route.about.name
