"""Two tenants on one Kafka, with the same names: neither sees anything of the other."""

from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest
from gateway_feed import FeedWriter, agent_key, following, register, update
from gateway_process import GatewayProcess

StartGateway = Callable[..., GatewayProcess]
TENANTS = ("north", "south")


@pytest.fixture
async def writer(topics: str) -> AsyncIterator[FeedWriter]:
    async with FeedWriter.connected(topics) as connected:
        yield connected


@pytest.mark.promise(6)
async def test_a_tenant_sees_nothing_of_another(
    start_gateway: StartGateway, writer: FeedWriter
) -> None:
    urls = {tenant: start_gateway(tenant).url for tenant in TENANTS}
    await agents_are_apart(urls)
    await values_are_apart(urls)
    await feeds_are_apart(urls, writer)


async def agents_are_apart(urls: dict[str, str]) -> None:
    north, south = (urls[tenant] for tenant in TENANTS)
    await register(north, agent_key("north", "same", "same"), ["of the north"])
    async with aiohttp.ClientSession() as session:
        for path in (
            "/api/v1/agents/same",
            "/api/v1/agents/same?project_id=same",
            "/api/v1/agents/same/updates?project_id=same",
        ):
            async with session.get(south + path) as answer:
                assert answer.status == 404, f"{path}: {await answer.text()}"
        async with session.delete(f"{south}/api/v1/agents/same?project_id=same") as answer:
            assert answer.status == 404
        async with session.get(f"{south}/api/v1/agents") as answer:
            assert await answer.json() == {"agents": [], "count": 0, "next_cursor": None}
        await register(south, agent_key("south", "same", "same"), ["of the south"])
        for tenant, url in urls.items():
            async with session.get(f"{url}/api/v1/agents") as answer:
                needs = [
                    agent["data_needs"][0]["text"] for agent in (await answer.json())["agents"]
                ]
            assert needs == [f"of the {tenant}"]


async def values_are_apart(urls: dict[str, str]) -> None:
    revisions: dict[str, int] = {}
    async with aiohttp.ClientSession() as session:
        for tenant, url in urls.items():
            request = {"project_id": "same", "data_key": "same", "data": f"of the {tenant}"}
            async with session.post(f"{url}/api/v1/data/publish", json=request) as answer:
                revisions[tenant] = (await answer.json())["revision"]
        for reader, url in urls.items():
            for owner, revision in revisions.items():
                path = f"/api/v1/projects/same/data/same?revision={revision}"
                async with session.get(url + path) as answer:
                    body = await answer.text()
                if reader == owner:
                    assert (answer.status, body) == (200, f"of the {owner}")
                else:
                    assert f"of the {owner}" not in body


async def feeds_are_apart(urls: dict[str, str], writer: FeedWriter) -> None:
    north, south = (agent_key(tenant, "same", "same") for tenant in TENANTS)
    said = await register(urls["south"], south)
    async with following(urls["south"], south, cursor=said["cursor"]) as stream:
        await writer.write(update(north, 10_000, 1, content=b'"of the north"'))
        await writer.write(update(south, said["epoch"], 2, content=b'"of the south"'))
        (event,) = await stream.take(1)
    assert (event.revision, event.data["data"]["tenant"]) == (2, "south")
