"""Statements → passages of at most 96 tokens, the value's key at the head of each.

Decides what one vector stands for. A path is written where it begins, once per passage; nothing a
value says is dropped, but a passage that would stand there twice stands there once. One vector per
whole value drifts as the value grows; passages do not.
"""

from collections.abc import Callable
from dataclasses import dataclass

from contex.text.humanise import humanise
from contex.text.limits import CHUNKS_MAX, too_many_chunks
from contex.text.meter import Meter
from contex.text.parsed import Parsed
from contex.text.statements import Statement, Unit, units

RECIPE = "passages-1"
"""Part of every index's fingerprint: it changes when the same value makes other passages."""
TOKENS_MAX = 96
HEAD_TOKENS_MAX = 24
PATH_TOKENS_MAX = 32


@dataclass(frozen=True, slots=True)
class Passages:
    """A value's text.

    Attributes:
        texts: what to embed, each different from the others: at least one, at most `CHUNKS_MAX`.
        tokens: the size of all that the value says: what it repeats counts as often as it stands.
    """

    texts: tuple[str, ...]
    tokens: int


def passages(data_key: str, parsed: Parsed, count_tokens: Callable[[str], int]) -> Passages:
    """Cut a value into passages.

    Args:
        data_key: the value's name.
        parsed: what it says.
        count_tokens: the embedder's own count.

    Raises:
        LimitExceeded: if it makes too many passages.
    """
    meter = Meter(count_tokens)
    name = humanise(data_key)
    head = meter.last_words(name, HEAD_TOKENS_MAX)
    packer = _Packer(f"{head}." if head else "", meter)
    if head != name:
        packer.add((Statement("", f"{name}."),))
    for unit in units(parsed):
        packer.add(unit)
    return packer.finish()


class _Packer:
    """Fills passages in order. A unit starts a new passage if it fits there and not here."""

    def __init__(self, head: str, meter: Meter) -> None:
        self._head = head
        self._meter = meter
        self._room_max = TOKENS_MAX - meter.count(head)
        self._passages: dict[str, int] = {}
        self._tokens = 0
        self._body: list[str] = []
        self._room = self._room_max
        self._path = ""

    def add(self, unit: Unit) -> None:
        shown = [self._shown(statement) for statement in unit]
        if not self._fits(shown, self._path, self._room) and self._fits(shown, "", self._room_max):
            self._flush()
        for statement in shown:
            self._add_statement(statement)

    def finish(self) -> Passages:
        if self._body or not self._passages:
            self._flush()
        return Passages(tuple(self._passages), self._tokens)

    def _shown(self, statement: Statement) -> Statement:
        """Shorten a path that would leave no room, and say it in full once, in the text."""
        path = self._meter.last_words(statement.path, PATH_TOKENS_MAX)
        if path == statement.path:
            return statement
        return Statement(path, f"{statement.path}: {statement.text}")

    def _fits(self, statements: list[Statement], path: str, room: int) -> bool:
        for statement in statements:
            room -= self._cost(statement, path)
            path = statement.path
            if room < 0:
                return False
        return True

    def _cost(self, statement: Statement, path: str) -> int:
        return self._meter.count(_label(statement.path, path)) + self._meter.count(statement.text)

    def _add_statement(self, statement: Statement) -> None:
        if self._body and self._cost(statement, self._path) > self._room:
            self._flush()
        self._begin(statement.path)
        for word in self._meter.words(statement.text):
            tokens = self._meter.count_word(word)
            if tokens > self._room and self._body:
                self._flush()
                self._begin(statement.path)
            self._body.append(word)
            self._room -= tokens

    def _begin(self, path: str) -> None:
        label = _label(path, self._path)
        if label:
            self._body.append(label)
            self._room -= self._meter.count(label)
        self._path = path

    def _flush(self) -> None:
        self._emit(self._body)
        self._body = []
        self._room = self._room_max
        self._path = ""

    def _emit(self, body: list[str]) -> None:
        text = " ".join(filter(None, (self._head, *body)))
        tokens = self._passages.get(text)
        if tokens is None:
            tokens = self._meter.count_whole(text)
            if len(body) > 1 and tokens > TOKENS_MAX:
                self._emit(body[: len(body) // 2])
                self._emit(body[len(body) // 2 :])
                return
            self._passages[text] = tokens
        self._tokens += tokens
        if len(self._passages) > CHUNKS_MAX:
            raise too_many_chunks(TOKENS_MAX)


def _label(path: str, before: str) -> str:
    """Return how a statement names its path after one about `before`."""
    return f"{path}:" if path and path != before else ""
