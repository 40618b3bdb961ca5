"""What a check has read, in a temporary database: memory stays bounded however long the log is.

Decides how facts are kept and found again. The file is the standard library's SQLite, without a
journal: it is thrown away when the check ends.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from contex.check.facts import Content, Registered, State, Told, ToldItem, Version
from contex.records.names import AgentKey, Scope, ValueKey
from contex.records.need import from_need, to_need
from contex.records.update import Cause, MatchedNeed

CACHE_KIB = 32 * 1024

_TABLES = """
CREATE TABLE versions (
    partition INTEGER, offset INTEGER, scope TEXT, data_key TEXT, at_ms INTEGER, state INTEGER,
    dead INTEGER, hash TEXT, content TEXT, size INTEGER, tokens INTEGER, chunks BLOB, error TEXT,
    PRIMARY KEY (partition, offset)) WITHOUT ROWID;
CREATE INDEX versions_of_key ON versions (scope, data_key, offset);
CREATE TABLE registrations (
    partition INTEGER, offset INTEGER, scope TEXT, agent TEXT, at_ms INTEGER, state INTEGER,
    dead INTEGER, needs TEXT, error TEXT, PRIMARY KEY (partition, offset)) WITHOUT ROWID;
CREATE INDEX registrations_of_agent ON registrations (scope, agent, offset);
CREATE TABLE letters (topic TEXT, partition INTEGER, offset INTEGER,
    PRIMARY KEY (topic, partition, offset)) WITHOUT ROWID;
CREATE TABLE told (number INTEGER PRIMARY KEY, scope TEXT, agent TEXT, body TEXT);
CREATE INDEX told_of_agent ON told (scope, agent, number);
CREATE TABLE texts (digest BLOB PRIMARY KEY, text TEXT, vector BLOB) WITHOUT ROWID;
"""
_VERSION = "scope, data_key, partition, offset, at_ms, state, dead, hash, content, size, tokens, chunks, error"  # noqa: E501 - one list of columns
_REGISTERED = "scope, agent, partition, offset, at_ms, state, dead, needs, error"


class Ledger:
    """The facts of one check. Use it as a context manager; belongs to one thread."""

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="contex-check-")
        path = Path(self._folder.name) / "ledger.sqlite"
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.executescript(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
            f"PRAGMA cache_size = -{CACHE_KIB}; {_TABLES}"
        )
        self._database.execute("BEGIN")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()
        self._folder.cleanup()

    def add_letter(self, topic: str, partition: int, offset: int) -> None:
        """Note that a dead letter tells of a record."""
        self._do("INSERT OR IGNORE INTO letters VALUES (?, ?, ?)", topic, partition, offset)

    def is_dead(self, topic: str, partition: int, offset: int) -> bool:
        """Say whether a dead letter tells of a record."""
        query = "SELECT 1 FROM letters WHERE topic = ? AND partition = ? AND offset = ?"
        return self._one(query, topic, partition, offset) is not None

    def add_version(self, version: Version) -> None:
        """Keep a version."""
        content = version.content
        self._do(
            f"INSERT OR REPLACE INTO versions ({_VERSION}) VALUES ({_marks(_VERSION)})",  # noqa: S608 - constants
            str(version.key.scope),
            version.key.data_key,
            version.partition,
            version.offset,
            version.at_ms,
            int(version.state),
            version.dead,
            version.content_hash,
            None
            if content is None
            else json.dumps([content.sha256, content.content_type, dict(content.metadata)]),
            version.size_bytes,
            version.tokens,
            version.chunks,
            version.error,
        )

    def add_other(self, partition: int, offset: int, at_ms: int) -> None:
        """Keep that some record stands there, of nobody who is asked about."""
        self._do(
            "INSERT OR REPLACE INTO versions (partition, offset, at_ms, state) VALUES (?, ?, ?, ?)",
            partition,
            offset,
            at_ms,
            int(State.OTHER),
        )

    def version(self, key: ValueKey, offset: int) -> Version | None:
        """Return the version of a value at an offset."""
        row = self._one(
            f"SELECT {_VERSION} FROM versions WHERE scope = ? AND data_key = ? AND offset = ?",  # noqa: S608 - constants
            str(key.scope),
            key.data_key,
            offset,
        )
        return None if row is None else _version(row)

    def versions(self, key: ValueKey, below: int) -> Iterator[Version]:
        """Yield a value's versions below an offset, newest first."""
        query = (
            f"SELECT {_VERSION} FROM versions WHERE scope = ? AND data_key = ? AND offset < ?"  # noqa: S608 - constants
            " ORDER BY offset DESC"
        )
        for row in self._rows(query, str(key.scope), key.data_key, below):
            yield _version(row)

    def newest_offset(self, key: ValueKey) -> int:
        """Return the offset of a value's newest record, -1 if there is none."""
        query = "SELECT max(offset) FROM versions WHERE scope = ? AND data_key = ?"
        row = self._one(query, str(key.scope), key.data_key)
        return -1 if row is None or row[0] is None else int(row[0])

    def stands(self, partition: int, offset: int) -> bool:
        """Say whether any publication stands there."""
        query = "SELECT 1 FROM versions WHERE partition = ? AND offset = ?"
        return self._one(query, partition, offset) is not None

    def time_before(self, partition: int, offset: int) -> int | None:
        """Return the time of the publication before an offset, or None."""
        query = (
            "SELECT at_ms FROM versions WHERE partition = ? AND offset < ?"
            " ORDER BY offset DESC LIMIT 1"
        )
        row = self._one(query, partition, offset)
        return None if row is None else int(row[0])

    def keys(self, scope: Scope) -> Iterator[ValueKey]:
        """Yield the values of a project."""
        query = "SELECT DISTINCT data_key FROM versions WHERE scope = ? ORDER BY data_key"
        for (data_key,) in self._rows(query, str(scope)):
            yield ValueKey(scope, data_key)

    def unaccounted(self) -> Iterator[Version]:
        """Yield the publications that cannot be read and of which no dead letter tells."""
        query = f"SELECT {_VERSION} FROM versions WHERE state = ? AND dead = 0"  # noqa: S608 - constants
        for row in self._rows(query, int(State.UNREADABLE)):
            yield _version(row)

    def add_registered(self, one: Registered) -> None:
        """Keep a registration."""
        self._do(
            f"INSERT OR REPLACE INTO registrations ({_REGISTERED}) VALUES ({_marks(_REGISTERED)})",  # noqa: S608 - constants
            str(one.key.scope),
            one.key.agent_id,
            one.partition,
            one.epoch,
            one.at_ms,
            int(one.state),
            one.dead,
            json.dumps([from_need(need) for need in one.needs]),
            one.error,
        )

    def registered(self, agent: AgentKey) -> list[Registered]:
        """Return what is retained of an agent's registrations, newest first."""
        query = (
            f"SELECT {_REGISTERED} FROM registrations WHERE scope = ? AND agent = ?"  # noqa: S608 - constants
            " ORDER BY offset DESC"
        )
        return [_registered(row) for row in self._rows(query, str(agent.scope), agent.agent_id)]

    def registration_stands(self, partition: int, offset: int) -> bool:
        """Say whether any registration stands there."""
        query = "SELECT 1 FROM registrations WHERE partition = ? AND offset = ?"
        return self._one(query, partition, offset) is not None

    def add_told(self, number: int, one: Told) -> None:
        """Keep an update under its number in the order of its feed."""
        self._do(
            "INSERT INTO told VALUES (?, ?, ?, ?)",
            number,
            str(one.agent.scope),
            one.agent.agent_id,
            _told_body(one),
        )

    def told(self, agent: AgentKey) -> Iterator[Told]:
        """Yield an agent's feed, in order."""
        query = "SELECT body FROM told WHERE scope = ? AND agent = ? ORDER BY number"
        for (body,) in self._rows(query, str(agent.scope), agent.agent_id):
            yield _told(agent, body)

    def agents(self) -> Iterator[AgentKey]:
        """Yield every agent that registered or was told, project by project."""
        query = (
            "SELECT scope, agent FROM registrations UNION SELECT scope, agent FROM told"
            " ORDER BY scope, agent"
        )
        for scope, agent in self._rows(query):
            yield AgentKey(_scope(scope), agent)

    def add_texts(self, texts: Iterable[tuple[bytes, str]]) -> None:
        """Keep texts by their digests, without vectors."""
        self._database.executemany(
            "INSERT OR IGNORE INTO texts (digest, text) VALUES (?, ?)", texts
        )

    def vectors(self, digests: Sequence[bytes]) -> list[bytes | None]:
        """Return vectors by the digests of their texts; None where there is none yet."""
        query = "SELECT vector FROM texts WHERE digest = ?"
        return [None if (row := self._one(query, one)) is None else row[0] for one in digests]

    def text(self, digest: bytes) -> str:
        """Return a text."""
        row = self._one("SELECT text FROM texts WHERE digest = ?", digest)
        assert row is not None
        return str(row[0])

    def put_vectors(self, vectors: Iterable[tuple[bytes, bytes]]) -> None:
        """Keep vectors by the digests of their texts."""
        self._database.executemany(
            "UPDATE texts SET vector = ? WHERE digest = ?",
            ((vector, digest) for digest, vector in vectors),
        )

    def _do(self, statement: str, *values: object) -> None:
        self._database.execute(statement, values)

    def _one(self, query: str, *values: object) -> Any:  # noqa: ANN401 - a row, as SQLite has it
        return self._database.execute(query, values).fetchone()

    def _rows(self, query: str, *values: object) -> Iterator[Any]:
        cursor = self._database.execute(query, values)
        while rows := cursor.fetchmany(500):
            yield from rows


def _marks(columns: str) -> str:
    return ", ".join("?" * len(columns.split(",")))


def _scope(text: str) -> Scope:
    tenant, _, project = text.partition("/")
    return Scope(tenant, project)


def _version(row: Any) -> Version:  # noqa: ANN401 - a row, as SQLite has it
    content = None if row[8] is None else Content(*json.loads(row[8]))
    return Version(
        key=ValueKey(_scope(row[0]), row[1]),
        partition=row[2],
        offset=row[3],
        at_ms=row[4],
        state=State(row[5]),
        dead=bool(row[6]),
        content_hash=row[7],
        content=content,
        size_bytes=row[9],
        tokens=row[10],
        chunks=row[11],
        error=row[12],
    )


def _registered(row: Any) -> Registered:  # noqa: ANN401 - a row, as SQLite has it
    return Registered(
        key=AgentKey(_scope(row[0]), row[1]),
        partition=row[2],
        epoch=row[3],
        at_ms=row[4],
        state=State(row[5]),
        dead=bool(row[6]),
        needs=tuple(to_need(need) for need in json.loads(row[7])),
        error=row[8],
    )


def _told_body(one: Told) -> str:
    cause = one.cause
    items = [
        [
            item.data_key,
            item.revision,
            [[need.need, need.score, need.threshold] for need in item.needs],
            None
            if item.content is None
            else [item.content.sha256, item.content.content_type, dict(item.content.metadata)],
            item.reference,
            item.tokens,
        ]
        for item in one.items
    ]
    head = [one.place, one.update_id, one.kind, one.epoch]
    tail = [dict(one.omitted), one.omitted_total]
    return json.dumps([*head, [cause.topic, cause.partition, cause.offset], items, *tail])


def _told(agent: AgentKey, body: str) -> Told:
    place, update_id, kind, epoch, cause, items, omitted, omitted_total = json.loads(body)
    return Told(
        agent=agent,
        place=place,
        update_id=update_id,
        kind=kind,
        epoch=epoch,
        cause=Cause(*cause),
        items=tuple(_told_item(*item) for item in items),
        omitted=omitted,
        omitted_total=omitted_total,
    )


def _told_item(
    data_key: str,
    revision: int,
    needs: list[list[Any]],
    content: list[Any] | None,
    reference: str | None,
    tokens: int,
) -> ToldItem:
    met = tuple(MatchedNeed(*need) for need in needs)
    inside = None if content is None else Content(*content)
    return ToldItem(data_key, revision, met, inside, reference, tokens)
