"""Reads the gateway's JSON into types. Pure.

Decides what an answer must have; whatever else a newer gateway says is passed over. What is missing
or of another type means that no gateway answered.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from contex.client.data import body_of
from contex.client.errors import FieldProblem, UnexpectedAnswer
from contex.client.types import (
    Agent,
    Cause,
    Exclusion,
    Failure,
    Item,
    Match,
    MatchedNeed,
    Need,
    Omitted,
    Published,
    QueryAnswer,
    Registered,
    Update,
    ValueInfo,
)

_T = TypeVar("_T")
_EXCERPT_CHARACTERS = 80


class Members:
    """The members of a JSON object, read with the type that each must have."""

    def __init__(self, members: object, what: str) -> None:
        if not isinstance(members, dict):
            raise UnexpectedAnswer(f"{what} is no JSON object: {_excerpt(members)}")
        self.all: dict[str, Any] = members
        self._what = what

    def text(self, name: str) -> str:
        """Return a text that must be there."""
        return self._must(name, str)

    def whole(self, name: str) -> int:
        """Return a whole number that must be there."""
        return self._must(name, int)

    def text_or_none(self, name: str) -> str | None:
        """Return a text, or None."""
        found = self.all.get(name)
        return found if isinstance(found, str) else None

    def whole_or_none(self, name: str) -> int | None:
        """Return a whole number, or None."""
        found = self.all.get(name)
        return found if isinstance(found, int) else None

    def number(self, name: str, default: float = 0.0) -> float:
        """Return a number, or the default."""
        found = self.all.get(name)
        return float(found) if isinstance(found, int | float) else default

    def count(self, name: str) -> int:
        """Return a whole number, or 0."""
        return self.whole_or_none(name) or 0

    def table(self, name: str, kind: type[_T]) -> dict[str, _T]:
        """Return an object's members of one type, or none."""
        found = self.all.get(name)
        if not isinstance(found, dict):
            return {}
        return {key: one for key, one in found.items() if isinstance(one, kind)}

    def each(self, name: str, read: "Callable[[Members], _T]") -> tuple[_T, ...]:
        """Return every object of a list, read; none when there is no list."""
        found = self.all.get(name)
        if not isinstance(found, list):
            return ()
        return tuple(read(Members(one, f"{name}[]")) for one in found)

    def _must(self, name: str, kind: type[_T]) -> _T:
        found = self.all.get(name)
        if not isinstance(found, kind) or isinstance(found, bool):
            raise UnexpectedAnswer(f"{self._what} has no {name}: {_excerpt(self.all)}")
        return found


def parse(body: bytes | str, what: str) -> Members:
    """Read an object out of JSON.

    Raises:
        UnexpectedAnswer: it is none.
    """
    try:
        return Members(json.loads(body), what)
    except (ValueError, RecursionError) as error:
        raise UnexpectedAnswer(f"{what} is no JSON: {_excerpt(body)}") from error


def published(members: Members, *, replayed: bool = False) -> Published:
    """Read what a publish or a delete is answered with."""
    return Published(
        project_id=members.text("project_id"),
        data_key=members.text("data_key"),
        revision=members.whole("revision"),
        event_id=members.text_or_none("event_id") or "",
        status=members.text_or_none("status") or "published",
        outcome=members.text_or_none("outcome"),
        agents_told=members.whole_or_none("agents_told"),
        told=members.table("told", int),
        replayed=replayed,
    )


def batched(members: Members) -> Sequence[Published | Failure]:
    """Read what a batch is answered with, in the order of the request."""
    return members.each("results", _batched)


def _batched(members: Members) -> Published | Failure:
    if members.text("status") == "success":
        return replace(published(members), status="published")
    error = Members(members.all.get("error"), "a failure")
    return Failure(
        project_id=members.text_or_none("project_id") or "",
        data_key=members.text_or_none("data_key") or "",
        code=error.text_or_none("code") or "",
        detail=error.text_or_none("detail") or "",
        fields=fields(error),
    )


def fields(members: Members) -> tuple[FieldProblem, ...]:
    """Read the offending fields that a problem names."""
    return members.each(
        "errors",
        lambda one: FieldProblem(
            one.text_or_none("field") or "body", one.text_or_none("message") or ""
        ),
    )


def registered(members: Members, *, replayed: bool = False) -> Registered:
    """Read what a registration is answered with."""
    initial = members.all.get("initial")
    return Registered(
        agent_id=members.text("agent_id"),
        project_id=members.text("project_id"),
        epoch=members.whole("epoch"),
        cursor=members.text_or_none("cursor"),
        notification_method=members.text_or_none("notification_method"),
        updates_url=members.text_or_none("updates_url"),
        webhook_secret=members.text_or_none("webhook_secret"),
        initial=None if initial is None else update(Members(initial, "initial")),
        replayed=replayed,
    )


def agent(members: Members) -> Agent:
    """Read an agent."""
    return Agent(
        agent_id=members.text("agent_id"),
        project_id=members.text("project_id"),
        epoch=members.whole("epoch"),
        needs=members.each("data_needs", _need),
        registered_at=members.text_or_none("registered_at"),
        notification_method=members.text_or_none("notification_method"),
        webhook_url=members.text_or_none("webhook_url"),
        token_budget=members.whole_or_none("token_budget"),
        updates_url=members.text_or_none("updates_url"),
    )


def _need(members: Members) -> Need:
    known = Need(members.text("text"))
    filters = {
        label: texts
        for label, texts in members.table("filters", object).items()
        if isinstance(texts, str | list)
    }
    return Need(
        known.text,
        members.number("threshold", known.threshold),
        filters,
        members.each("exclusions", _exclusion),
    )


def _exclusion(members: Members) -> Exclusion:
    known = Exclusion(members.text("text"))
    return Exclusion(known.text, members.number("threshold", known.threshold))


def value_info(members: Members, project_id: str) -> ValueInfo:
    """Read one value of a listing."""
    return ValueInfo(
        project_id=members.text_or_none("project_id") or project_id,
        data_key=members.text("data_key"),
        revision=members.whole("revision"),
        content_type=members.text_or_none("content_type"),
        metadata=members.table("metadata", str),
        published_at=members.text_or_none("published_at"),
        size_bytes=members.count("size_bytes"),
        tokens=members.count("tokens"),
    )


def update(members: Members, cursor: str | None = None) -> Update:
    """Read an update out of `{type, timestamp, data}`."""
    data = Members(members.all.get("data"), "an update")
    project_id = data.text("project_id")
    cause = data.all.get("cause")
    return Update(
        update_id=data.text("update_id"),
        kind=data.text("kind"),
        project_id=project_id,
        agent_id=data.text("agent_id"),
        epoch=data.whole("epoch"),
        items=data.each("items", lambda one: _item(one, project_id)),
        omitted=data.each("omitted", _omitted),
        omitted_total=data.count("omitted_total"),
        cause=None if cause is None else _cause(Members(cause, "a cause")),
        tenant=data.text_or_none("tenant"),
        timestamp=members.text_or_none("timestamp"),
        cursor=cursor,
    )


def _item(members: Members, project_id: str) -> Item:
    return Item(
        project_id=project_id,
        data_key=members.text("data_key"),
        revision=members.whole("revision"),
        score=members.number("score"),
        content_type=members.text_or_none("content_type"),
        metadata=members.table("metadata", str),
        reference=members.text_or_none("reference"),
        tokens=members.count("tokens"),
        body=body_of(members.all),
        needs=members.each(
            "needs",
            lambda one: MatchedNeed(one.text("need"), one.number("score"), one.number("threshold")),
        ),
    )


def _omitted(members: Members) -> Omitted:
    return Omitted(
        members.text("data_key"),
        members.whole("revision"),
        members.number("score"),
        members.count("tokens"),
    )


def _cause(members: Members) -> Cause:
    return Cause(members.text("topic"), members.whole("partition"), members.whole("offset"))


def query_answer(members: Members, project_id: str) -> QueryAnswer:
    """Read what one query found."""
    return QueryAnswer(
        query=members.text_or_none("query") or "",
        matches=members.each("matches", lambda one: _match(one, project_id)),
        total_matches=members.count("total_matches"),
        omitted_total=members.count("omitted_total"),
        took_ms=members.number("took_ms"),
    )


def _match(members: Members, project_id: str) -> Match:
    return Match(
        project_id=project_id,
        data_key=members.text("data_key"),
        revision=members.whole("revision"),
        score=members.number("score"),
        content_type=members.text_or_none("content_type"),
        metadata=members.table("metadata", str),
        reference=members.text_or_none("reference"),
        tokens=members.count("tokens"),
        body=body_of(members.all),
        scores={name: float(score) for name, score in _numbers(members, "scores").items()},
        published_at=members.text_or_none("published_at"),
    )


def _numbers(members: Members, name: str) -> Mapping[str, float]:
    return members.table(name, float) | members.table(name, int)


def _excerpt(found: object) -> str:
    text = found.decode(errors="replace") if isinstance(found, bytes) else str(found)
    return text[:_EXCERPT_CHARACTERS] + ("..." if len(text) > _EXCERPT_CHARACTERS else "")
