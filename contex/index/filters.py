"""Filters of the index. Every one of them names a scope or a single point.

Decides how conditions are written in Qdrant's language. Never sends one.
"""

from collections.abc import Iterable, Sequence

from qdrant_client import grpc as wire

from contex.records.names import AgentKey, Scope, ValueKey


def in_scope(scope: Scope) -> wire.Filter:
    """Match the points of a scope."""
    return wire.Filter(must=[_is("scope", str(scope))])


def passages(
    scope: Scope, *, terms: Iterable[int] = (), keys: Sequence[ValueKey] | None = None
) -> wire.Filter:
    """Match the chunks of a scope, or of some of its values, that have all of these words."""
    must = [_is("scope", str(scope))]
    must += [_equals("terms", term) for term in terms]
    if keys is not None:
        strings = wire.RepeatedStrings(strings=[key.data_key for key in keys])
        one_of = wire.FieldCondition(key="data_key", match=wire.Match(keywords=strings))
        must.append(wire.Condition(field=one_of))
    return wire.Filter(must=must)


def value_heads(scope: Scope) -> wire.Filter:
    """Match the heads of the values of a scope, ended ones too."""
    is_value = wire.FieldCondition(key="revision", range=wire.Range(gte=0))
    return wire.Filter(must=[_is("scope", str(scope)), wire.Condition(field=is_value)])


def older_chunks(revisions: Iterable[tuple[ValueKey, int]]) -> wire.Filter:
    """Match chunks of any of these values with a revision below the given one."""
    return _any(
        wire.Filter(
            must=[
                _is("scope", str(key.scope)),
                _is("data_key", key.data_key),
                _below("revision", revision),
            ]
        )
        for key, revision in revisions
    )


def older_needs(key: AgentKey, epoch: int) -> wire.Filter:
    """Match an agent's needs with an epoch below the given one."""
    return wire.Filter(
        must=[
            _is("scope", str(key.scope)),
            _is("agent_id", key.agent_id),
            _below("epoch", epoch),
        ]
    )


def if_older(field: str, version: int) -> wire.Filter:
    """Match a head whose version is below the given one: the condition of a switch."""
    return wire.Filter(must=[_below(field, version)])


def head_at(point: str, revision: int) -> wire.Filter:
    """Match one head, if it has this revision."""
    return wire.Filter(must=[_ids(point), _equals("revision", revision)])


def head_stored_below(point: str, revision: int, offset: int) -> wire.Filter:
    """Match one head, if it has this revision and knows of no offset as new as the given one."""
    return wire.Filter(must=[*head_at(point, revision).must, _below("stored", offset)])


def never(point: str) -> wire.Filter:
    """Match not even this point: as the condition of an upsert, it only inserts."""
    return wire.Filter(must_not=[_ids(point)])


def _any(filters: Iterable[wire.Filter]) -> wire.Filter:
    several = list(filters)
    if len(several) == 1:
        return several[0]
    return wire.Filter(should=[wire.Condition(filter=one) for one in several])


def _is(field: str, keyword: str) -> wire.Condition:
    return wire.Condition(field=wire.FieldCondition(key=field, match=wire.Match(keyword=keyword)))


def _equals(field: str, number: int) -> wire.Condition:
    return wire.Condition(field=wire.FieldCondition(key=field, match=wire.Match(integer=number)))


def _below(field: str, bound: int) -> wire.Condition:
    return wire.Condition(field=wire.FieldCondition(key=field, range=wire.Range(lt=bound)))


def _ids(point: str) -> wire.Condition:
    return wire.Condition(has_id=wire.HasIdCondition(has_id=[wire.PointId(uuid=point)]))
