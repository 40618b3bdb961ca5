"""Vectors of texts, each embedded once: kept in the ledger, the latest in memory.

Decides batches and what stays in memory.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from contex.check.ledger import Ledger
from contex.embedding.port import Vectors
from contex.routing.ports import Meaning

DIGEST_BYTES = 16
BATCH_TEXTS = 256
CACHED_VECTORS_MAX = 50_000
"""75 MB at 384 dimensions."""


def digest(text: str) -> bytes:
    """Return what names a text."""
    data = text.encode(errors="surrogatepass")
    return hashlib.blake2b(data, digest_size=DIGEST_BYTES).digest()


def digests(chunks: bytes) -> list[bytes]:
    """Return the names of a version's passages."""
    return [chunks[at : at + DIGEST_BYTES] for at in range(0, len(chunks), DIGEST_BYTES)]


class VectorStore:
    """Gives vectors to texts."""

    def __init__(self, ledger: Ledger, meaning: Meaning) -> None:
        self._ledger = ledger
        self._meaning = meaning
        self._embedded = 0
        self._cached: OrderedDict[bytes, Vectors] = OrderedDict()

    async def prepare(self, wanted: Iterable[bytes], progress: Callable[[int], None]) -> None:
        """Embed the texts of `wanted` that have no vector yet.

        Args:
            wanted: the names of texts.
            progress: told how many texts were embedded so far, whenever it is more.

        Raises:
            DependencyAway: the embedder does not answer.
        """
        batch: dict[bytes, None] = {}
        for name in wanted:
            batch[name] = None
            if len(batch) >= BATCH_TEXTS:
                await self._embed(list(batch), progress)
                batch = {}
        await self._embed(list(batch), progress)

    def get(self, names: Sequence[bytes]) -> Vectors:
        """Return a row per text; each must have been prepared."""
        return np.stack([self._row(name) for name in names])

    def _row(self, name: bytes) -> Vectors:
        row = self._cached.get(name)
        if row is not None:
            self._cached.move_to_end(name)
            return row
        [stored] = self._ledger.vectors([name])
        if stored is None:
            raise KeyError(f"no vector was prepared for {self._ledger.text(name)[:80]!r}")
        row = np.frombuffer(stored, np.float32)
        self._cached[name] = row
        if len(self._cached) > CACHED_VECTORS_MAX:
            self._cached.popitem(last=False)
        return row

    async def _embed(self, names: Sequence[bytes], progress: Callable[[int], None]) -> None:
        found = self._ledger.vectors(names)
        lacking = [name for name, vector in zip(names, found, strict=True) if vector is None]
        if not lacking:
            return
        vectors = await self._meaning.embed([self._ledger.text(name) for name in lacking])
        self._ledger.put_vectors(
            (name, np.ascontiguousarray(row, np.float32).tobytes())
            for name, row in zip(lacking, vectors, strict=True)
        )
        self._embedded += len(lacking)
        progress(self._embedded)
