"""Values to be queried, routed by the product's own rules into any index. Nobody is told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from contex.embedding.deterministic import DeterministicEmbedder
from contex.embedding.port import Embedder, Vectors
from contex.index.memory import MemoryIndex
from contex.index.port import Index
from contex.query.ports import QueryPorts
from contex.query.queries import query
from contex.query.types import Answer, Query
from contex.records import Cause, Deletion, Publication, Scope, Update, Value, ValueKey
from contex.routing.meaning import TextMeaning
from contex.routing.outcomes import Routed
from contex.routing.ports import Ports
from contex.routing.publications import Arrived, route_publications
from contex.text.passages import RECIPE

SCOPE = Scope("acme", "shop")
TOPIC = "contex.publications"
PUBLISHED_AT_MS = 1_790_000_000_000


class AtOnce:
    """Embeds without a thread, and counts how often it is asked."""

    def __init__(self, embedder: Embedder) -> None:
        self.embedder = embedder
        self.batches: list[int] = []

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return a unit vector per text."""
        self.batches.append(len(texts))
        return self.embedder.embed(texts)


class Nobody:
    """An outbox that needs not be read."""

    async def tell(self, updates: Sequence[Update]) -> None:
        """Tell nobody."""
        assert not updates, f"expected nobody to be told, got {updates}"


@dataclass
class World:
    """An index, what fills it, and what asks it."""

    index: Index = field(default_factory=MemoryIndex)
    embedder: Embedder = field(default_factory=lambda: DeterministicEmbedder(recipe=RECIPE))
    revisions: count = field(default_factory=count)  # type: ignore[type-arg] # generic in its stubs alone

    def __post_init__(self) -> None:
        self.batcher = AtOnce(self.embedder)
        meaning = TextMeaning(self.embedder, self.batcher)  # type: ignore[arg-type] # it embeds
        self.routing = Ports(self.index, meaning, Nobody())
        self.ports = QueryPorts(self.index, self.batcher)

    async def publish(
        self,
        name: str,
        content: str | bytes,
        *,
        metadata: Mapping[str, str] | None = None,
        published_at_ms: int = PUBLISHED_AT_MS,
        scope: Scope = SCOPE,
        revision: int | None = None,
    ) -> int:
        """Route a value, and return its revision."""
        content = content.encode() if isinstance(content, str) else content
        value = Value(content, None, metadata or {})
        record = Publication(ValueKey(scope, name), value, "event", published_at_ms)
        return await self._route(record, revision)

    async def delete(self, name: str, scope: Scope = SCOPE) -> int:
        """Route the end of a value."""
        return await self._route(Deletion(ValueKey(scope, name), "event", PUBLISHED_AT_MS), None)

    async def ask(self, text: str, *, scope: Scope = SCOPE, **how: Any) -> Answer:
        """Return the answer to a question."""
        return await query(self.ports, scope, Query(text, **how))

    async def _route(self, record: Publication | Deletion, revision: int | None) -> int:
        revision = next(self.revisions) if revision is None else revision
        (outcome,) = await route_publications(
            [Arrived(record, Cause(TOPIC, 0, revision))], self.routing
        )
        assert isinstance(outcome, Routed), f"expected it to be routed, got {outcome}"
        return revision


def names(answer: Answer) -> list[str]:
    """Return the keys of what was found, best first."""
    return [match.key.data_key for match in answer.matches]
