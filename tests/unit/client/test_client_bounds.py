"""What bounds a call, whatever the other side does: time, redirects, keys, and what is lent."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from contex.client import AsyncContex, Contex, Disconnected, InvalidRequest, UnexpectedAnswer

PIECES = 200
PIECE_S = 0.01


class Trickle(httpx.SyncByteStream, httpx.AsyncByteStream):
    """An answer that goes on and on, each piece well within any time between two."""

    def __init__(self) -> None:
        self.pieces = 0

    def __iter__(self) -> Iterator[bytes]:
        while self.pieces < PIECES:
            time.sleep(PIECE_S)
            self.pieces += 1
            yield b" "

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while self.pieces < PIECES:
            await asyncio.sleep(PIECE_S)
            self.pieces += 1
            yield b" "


async def test_an_answer_that_trickles_in_is_not_awaited_beyond_the_calls_time() -> None:
    blocking, awaited = Trickle(), Trickle()
    answers = iter([blocking, awaited])
    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=next(answers)))
    with (
        Contex("http://g", timeout_s=0.1, retries_max=0, transport=transport) as client,
        pytest.raises(Disconnected, match="did not answer in time"),
    ):
        client.agent("a")
    async with AsyncContex("http://g", timeout_s=0.1, retries_max=0, transport=transport) as waits:
        with pytest.raises(Disconnected, match="did not answer in time"):
            await waits.agent("a")
    # Pieces and not seconds: a machine that stands still for a while sends no more of them.
    assert 0 < blocking.pieces < PIECES, "expected it to stop long before the end"
    assert 0 < awaited.pieces < PIECES, "expected it to stop long before the end"


def test_no_redirect_is_followed_with_the_key() -> None:
    asked: list[httpx.Request] = []

    def elsewhere(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(307, headers={"Location": "http://elsewhere/"})

    with (
        Contex("http://g", api_key="key", transport=httpx.MockTransport(elsewhere)) as client,
        pytest.raises(UnexpectedAnswer, match="redirected to http://elsewhere/"),
    ):
        client.agent("a")
    assert [one.url.host for one in asked] == ["g"]


@pytest.mark.parametrize("key", ["a b", "a\nX-Other: b", "é", "k\x7f"])
def test_a_key_that_no_header_can_carry_is_refused_and_not_repeated(key: str) -> None:
    with pytest.raises(InvalidRequest, match="api_key") as raised:
        Contex("http://g", api_key=key)
    assert key not in str(raised.value)


def test_a_reference_in_the_first_update_is_fetched_when_it_is_looked_at() -> None:
    item = {"data_key": "big", "revision": 7, "data": None, "reference": "/somewhere"}
    initial = {"data": {"update_id": "u", "kind": "initial", "project_id": "p", "agent_id": "a",
                        "epoch": 3, "items": [item]}}  # fmt: skip

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            said = {"agent_id": "a", "project_id": "p", "epoch": 3, "initial": initial}
            return httpx.Response(200, json=said)
        assert request.url.params["revision"] == "7"
        return httpx.Response(200, headers={"ETag": '"7"'}, content=b"the whole")

    with Contex("http://g", project="p", transport=httpx.MockTransport(answer)) as client:
        registered = client.register("a", ["n"], wait_s=5)
        assert registered.initial is not None
        assert registered.initial.items[0].data == "the whole"
