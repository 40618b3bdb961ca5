"""What routing needs of the world besides the index. No implementation lives here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from contex.embedding.port import Vectors
from contex.index.lexical import Terms
from contex.index.port import Index
from contex.records.publication import Value
from contex.records.update import Update


@dataclass(frozen=True, slots=True)
class Reading:
    """A value as text.

    Attributes:
        passages: the texts to embed, each once, at least one.
        tokens: the size of the value's text in the embedder's tokens, what it repeats included.
        content_type: what the value was read as.
        terms: the words of each passage, or none at all.
    """

    passages: tuple[str, ...]
    tokens: int
    content_type: str
    terms: tuple[Terms, ...] = ()


class Meaning(Protocol):
    """From values and needs to vectors."""

    async def read(self, data_key: str, value: Value) -> Reading:
        """Return the value's text.

        Raises:
            CallerError: the value is not what it says, or beyond a limit.
        """

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return a unit vector per text."""


class Outbox(Protocol):
    """Where updates go."""

    async def tell(self, updates: Sequence[Update]) -> None:
        """Return once every update is acknowledged.

        Raises:
            DependencyAway: at least one was not; telling again makes the same ids.
        """


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything that routing reaches."""

    index: Index
    meaning: Meaning
    outbox: Outbox
