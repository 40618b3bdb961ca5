"""Qdrant's filter language, as the engine takes it.

Decides which conditions are understood: must, should, must_not, nested filters, ids, keyword and
integer matches, ranges. Any other is refused, never ignored.
"""

import qdrant_edge as edge

from contex.local.engine.errors import unsupported
from contex.local.engine.messages import only, point_id
from contex.local.engine.wire import wire

_FILTER = frozenset({"must", "should", "must_not"})
_FIELD = frozenset({"key", "match", "range"})
_VALUES = ("keyword", "integer")
_ALTERNATIVES = {"keywords": "strings", "integers": "integers"}


def engine_filter(message: wire.Filter) -> edge.Filter:
    """Return the filter as the engine takes it."""
    only(message, _FILTER)
    return edge.Filter(
        must=[_condition(one) for one in message.must] or None,
        should=[_condition(one) for one in message.should] or None,
        must_not=[_condition(one) for one in message.must_not] or None,
    )


def _condition(
    message: wire.Condition,
) -> edge.FieldCondition | edge.HasIdCondition | edge.Filter:
    kind = message.WhichOneof("condition_one_of")
    if kind == "field":
        return _field(message.field)
    if kind == "has_id":
        return edge.HasIdCondition({point_id(one) for one in message.has_id.has_id})
    if kind == "filter":
        return engine_filter(message.filter)
    raise unsupported(f"the filter condition {kind}")


def _field(message: wire.FieldCondition) -> edge.FieldCondition:
    only(message, _FIELD)
    return edge.FieldCondition(
        key=message.key,
        match=_match(message.match) if message.HasField("match") else None,
        range=_range(message.range) if message.HasField("range") else None,
    )


def _match(message: wire.Match) -> edge.MatchValue | edge.MatchAny:
    kind = message.WhichOneof("match_value")
    if kind in _VALUES:
        return edge.MatchValue(value=getattr(message, kind))
    if kind in _ALTERNATIVES:
        return edge.MatchAny(any=list(getattr(getattr(message, kind), _ALTERNATIVES[kind])))
    raise unsupported(f"the match {kind}")


def _range(message: wire.Range) -> edge.RangeFloat:
    return edge.RangeFloat(
        lt=message.lt if message.HasField("lt") else None,
        lte=message.lte if message.HasField("lte") else None,
        gt=message.gt if message.HasField("gt") else None,
        gte=message.gte if message.HasField("gte") else None,
    )
