"""Ids are part of what is stored: they never change, and never meet."""

from contex.index import ids
from contex.records.names import AgentKey, Scope, ValueKey

SCOPE = Scope("acme", "prod")
KEY = ValueKey(SCOPE, "billing/plan")
AGENT = AgentKey(SCOPE, "billing")


def test_ids_are_the_ones_that_were_always_written() -> None:
    assert ids.value_head_id(KEY) == "75d99f5f-d24e-52d7-ac4d-7c162725ef55"
    assert ids.agent_head_id(AGENT) == "56c8f120-b1ba-5e05-a7db-94d6b359d21d"
    assert ids.chunk_id(KEY, 7, 0) == "ffd006c1-0bce-519c-88f5-6ff63ebf1363"
    assert ids.need_id(AGENT, 7, 0) == "687bb1af-ef36-500e-8291-4760dcce1876"
    assert ids.index_point_id() == "0d5b1350-6d2f-5677-b0f1-51c02d4c2cba"


def test_points_of_different_things_never_share_an_id() -> None:
    named = [
        ids.value_head_id(ValueKey(SCOPE, "x")),
        ids.agent_head_id(AgentKey(SCOPE, "x")),
        *(
            ids.chunk_id(ValueKey(SCOPE, key), r, o)
            for key in "xy"
            for r in (1, 11)
            for o in (1, 11)
        ),
        ids.chunk_id(ValueKey(SCOPE, "1/1/x"), 1, 1),
        *(ids.need_id(AgentKey(SCOPE, "x"), e, o) for e in (1, 11) for o in (1, 11)),
    ]
    assert len(set(named)) == len(named)


def test_a_legal_fingerprint_is_the_end_of_the_name() -> None:
    assert ids.collection_name("needs", "all-MiniLM-L6-v2.bf16") == (
        "contex-2-needs-all-MiniLM-L6-v2.bf16"
    )


def test_fingerprints_that_look_alike_name_different_collections() -> None:
    names = {ids.collection_name("needs", mark) for mark in ("a/b", "a:b", "a b", "a-b")}
    assert len(names) == 4
    assert all(name.startswith("contex-2-needs-a-b") for name in names)
