"""The port of every embedder."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
"""Shape (texts, dimensions), rows of length one."""


class Embedder(Protocol):
    """Turns texts into unit vectors. Thread-safe; releases the GIL while it computes.

    The same text gives the same vector alone and in any batch (cosine ≥ 0.9999).
    """

    @property
    def fingerprint(self) -> str:
        """Names model, precision and text recipe: indexes of different fingerprints never mix."""

    @property
    def dimensions(self) -> int:
        """Length of a vector."""

    def count_tokens(self, text: str) -> int:
        """Return how many tokens of the model `text` has, special tokens not counted."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector per text, in order. Blocks; call it from a thread."""
