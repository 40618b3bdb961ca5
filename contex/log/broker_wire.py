"""Two questions to a Kafka broker in its own protocol: who are you all, and what time is it.

Decides bytes alone, for probes that must say more than a client library would: that something
answers but is no Kafka, or that a broker's clock is wrong. Opens no connection.
"""

import struct
from dataclasses import dataclass
from typing import Final

CORRELATION_ID: Final = 7
ANSWER_BYTES_MAX: Final = 1 << 20
CONTROLLER_LOG: Final = "__cluster_metadata"
_CLIENT: Final = b"contex-probe"
_METADATA: Final = (3, 1)
_DESCRIBE_QUORUM: Final = (55, 1)
_VARINT_BITS: Final = 7
_VARINT_BYTES_MAX: Final = 5


class NotKafka(ValueError):
    """Bytes that are no answer to the question."""


@dataclass(frozen=True, slots=True)
class Node:
    """A broker, as the cluster tells clients where to find it."""

    node_id: int
    host: str
    port: int


def metadata_request() -> bytes:
    """Return a request for the brokers and for no topic, with its length in front."""
    return _framed(_METADATA, b"", struct.pack(">i", 0))


def nodes(answer: bytes) -> tuple[Node, ...]:
    """Return the brokers of a metadata answer (those fenced off are not in it).

    Raises:
        NotKafka: it is none.
    """
    reader = _Reader(answer)
    reader.correlated()
    count = reader.number(">i", 4)
    if not 0 <= count <= len(answer):
        raise NotKafka(f"{count} brokers")
    found = []
    for _ in range(count):
        node_id = reader.number(">i", 4)
        host = reader.text()
        found.append(Node(node_id, host or "", reader.number(">i", 4)))
        reader.text()  # the rack
    return tuple(found)


def clock_request() -> bytes:
    """Return a request for the state of the controllers' quorum, which tells the leader's time."""
    name = CONTROLLER_LOG.encode()
    topic = bytes([len(name) + 1]) + name + b"\x02" + struct.pack(">i", 0) + b"\x00" + b"\x00"
    return _framed(_DESCRIBE_QUORUM, b"\x00", b"\x02" + topic + b"\x00")


def clock_ms(answer: bytes) -> int | None:
    """Return the time of the leading controller; None when the cluster does not tell.

    The leader reports itself as caught up now, by its own clock.

    Raises:
        NotKafka: it is no answer to the request.
    """
    reader = _Reader(answer)
    reader.correlated()
    reader.tags()
    if reader.number(">h", 2) or reader.varint() != 2:  # noqa: PLR2004 - a compact array of one
        return None
    reader.compact_text()
    if reader.varint() != 2:  # noqa: PLR2004 - as above
        return None
    reader.skip(4)
    if reader.number(">h", 2):
        return None
    leader = reader.number(">i", 4)
    reader.skip(4 + 8)  # epoch and high watermark
    for _ in range(reader.varint() - 1):
        replica = reader.number(">i", 4)
        reader.skip(8 + 8)  # its log's end, and its last fetch
        caught_up_ms = reader.number(">q", 8)
        reader.tags()
        if replica == leader:
            return caught_up_ms if caught_up_ms > 0 else None
    return None


def _framed(api: tuple[int, int], header_tags: bytes, body: bytes) -> bytes:
    key, version = api
    header = struct.pack(">hhih", key, version, CORRELATION_ID, len(_CLIENT)) + _CLIENT
    request = header + header_tags + body
    return struct.pack(">i", len(request)) + request


class _Reader:
    """Reads an answer from its start to its end."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._at = 0

    def number(self, form: str, size: int) -> int:
        try:
            (found,) = struct.unpack_from(form, self._answer, self._at)
        except struct.error as error:
            raise NotKafka("the answer is too short") from error
        self._at += size
        return int(found)

    def correlated(self) -> None:
        found = self.number(">i", 4)
        if found != CORRELATION_ID:
            raise NotKafka(f"expected correlation id {CORRELATION_ID}, got {found}")

    def text(self) -> str | None:
        size = self.number(">h", 2)
        return None if size < 0 else self._decoded(size)

    def compact_text(self) -> str:
        return self._decoded(self.varint() - 1)

    def varint(self) -> int:
        found = 0
        for place in range(_VARINT_BYTES_MAX):
            byte = self.number(">B", 1)
            found |= (byte & 0x7F) << (_VARINT_BITS * place)
            if not byte & 0x80:
                return found
        raise NotKafka("a number without an end")

    def tags(self) -> None:
        for _ in range(self.varint()):
            self.varint()
            self.skip(self.varint())

    def skip(self, size: int) -> None:
        if size < 0 or self._at + size > len(self._answer):
            raise NotKafka("the answer is too short")
        self._at += size

    def _decoded(self, size: int) -> str:
        start = self._at
        self.skip(size)
        try:
            return self._answer[start : self._at].decode()
        except UnicodeDecodeError as error:
            raise NotKafka("a name that is no text") from error
