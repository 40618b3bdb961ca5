"""What queries need of the world besides the index. No implementation lives here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from contex.embedding.port import Vectors
from contex.index.port import Index


class Embeds(Protocol):
    """From texts to vectors, in one batch with whoever else asks."""

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return a unit vector per text."""


@dataclass(frozen=True, slots=True)
class QueryPorts:
    """Everything that a query reaches."""

    index: Index
    embedder: Embeds
