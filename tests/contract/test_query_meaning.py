"""What queries find with the model that is shipped: paraphrases, exact tokens, and both."""

import pytest
from query_world import World, names

from contex.embedding.models import DEFAULT, locate
from contex.embedding.openvino import OpenVinoEmbedder
from contex.query.types import Mode
from contex.text.passages import RECIPE

VALUES = {
    "oncall": "pager: alice\nbackup: bob\n",
    "returns": "Goods may be sent back within thirty days; we pay the postage.",
    "tech_stack": '{"database": "PostgreSQL", "cache": "Valkey"}',
    "log/1": '{"event": "upload aborted", "reason": "quota", "ref": "KX-20931"}',
    "log/2": '{"event": "upload aborted", "reason": "timeout", "ref": "KX-20944"}',
    "log/3": '{"event": "payment failed", "ref": "PT-55120"}',
}
PARAPHRASE = "how do customers get a refund for something they bought"
TOKEN = "PT-55120"


@pytest.fixture
async def world() -> World:
    model = locate(DEFAULT)
    world = World(embedder=OpenVinoEmbedder(model.path, name=model.name, recipe=RECIPE))
    for name, content in VALUES.items():
        await world.publish(name, content)
    return world


async def test_meaning_words_and_both(world: World) -> None:
    found = {
        (what, mode): names(await world.ask(what, mode=mode))
        for what in (PARAPHRASE, TOKEN)
        for mode in Mode
    }
    assert found == {
        (PARAPHRASE, Mode.DENSE): ["returns"],
        (PARAPHRASE, Mode.LEXICAL): [],
        (PARAPHRASE, Mode.HYBRID): ["returns"],
        (TOKEN, Mode.DENSE): [],
        (TOKEN, Mode.LEXICAL): ["log/3"],
        (TOKEN, Mode.HYBRID): ["log/3"],
    }


async def test_tokens_that_share_a_part_are_told_apart(world: World) -> None:
    assert names(await world.ask("KX-20931")) == ["log/1"]
    assert names(await world.ask("kx-20944")) == ["log/2"]


async def test_nothing_is_found_where_nothing_is_meant(world: World) -> None:
    assert names(await world.ask("lecture notes on quantum chromodynamics")) == []
