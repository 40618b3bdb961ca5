"""A dead letter as one looks at it: where it stands, what it was, why it failed.

Decides what is kept of a letter in memory (never its value) and which letters a person asked for.
Pure: reads no topic.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase

from contex.errors import InvalidRecord
from contex.records.dead_letter import DeadLetterInfo, omitted_bytes, read_headers
from contex.records.message import Received
from contex.records.redriven import Place, Redriven, read_redriven


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter.

    Attributes:
        place: where it stands.
        at_ms: when the broker took it.
        key: the original's; None where it had none.
        size_bytes: of its value; None where there is none.
        omitted_bytes: how large the value was that was left out, or None.
        info: what its headers say of the failure; None if they are malformed.
        redriven: what they say of an earlier redrive of the same record, or None.
    """

    place: Place
    at_ms: int
    key: bytes | None
    size_bytes: int | None
    omitted_bytes: int | None = None
    info: DeadLetterInfo | None = None
    redriven: Redriven | None = None

    @property
    def failed(self) -> Place | None:
        """Where the record was read that failed."""
        info = self.info
        return None if info is None else Place(info.topic, info.partition, info.offset)

    @property
    def original(self) -> Place | None:
        """Where the record stood that failed first: a redriven one is as old as its original."""
        failed, redriven = self.failed, self.redriven
        if failed is None or redriven is None or redriven.original.topic != failed.topic:
            return failed
        return redriven.original

    @property
    def key_text(self) -> str:
        """The key for people."""
        return "" if self.key is None else self.key.decode(errors="backslashreplace")

    @property
    def names(self) -> tuple[str, str, str]:
        """Tenant, project, and the name of the value or agent; empty where the key lacks them."""
        tenant, _, rest = self.key_text.partition("/")
        project, _, name = rest.partition("/")
        return tenant, project, name


@dataclass(frozen=True, slots=True)
class Filter:
    """Which letters are asked for; what is None asks for all.

    Attributes:
        key: the whole key, or the name of the value or agent; may have `*` and `?`.
        error_class: the full name of the error's class, or the last part of it.
    """

    tenant: str | None = None
    project: str | None = None
    key: str | None = None
    error_class: str | None = None

    def accepts(self, letter: Letter) -> bool:
        """Say whether the letter is asked for."""
        tenant, project, name = letter.names
        return (
            self.tenant in {None, tenant}
            and self.project in {None, project}
            and (self.key is None or _like(self.key, letter.key_text) or _like(self.key, name))
            and (self.error_class is None or self._of_class(letter))
        )

    def _of_class(self, letter: Letter) -> bool:
        if letter.info is None or self.error_class is None:
            return False
        full = letter.info.error_class
        return self.error_class.lower() in {full.lower(), full.rpartition(".")[2].lower()}


def read_letter(received: Received) -> Letter:
    """Read a record of a dead-letter topic; one that is malformed is a letter too."""
    info: DeadLetterInfo | None
    try:
        info = read_headers(received.headers)
    except InvalidRecord:
        info = None
    keyless = info is not None and info.keyless
    return Letter(
        place=Place.of(received),
        at_ms=received.timestamp_ms,
        key=None if keyless else received.key,
        size_bytes=None if received.value is None else len(received.value),
        omitted_bytes=omitted_bytes(received.headers),
        info=info,
        redriven=read_redriven(received.headers),
    )


def _like(pattern: str, text: str) -> bool:
    return fnmatchcase(text, pattern) if set(pattern) & set("*?") else text == pattern
