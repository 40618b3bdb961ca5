"""The reference embedder: sentence-transformers on torch, for any model it can load.

Decides nothing about vectors itself: the library does. An extra, since it brings torch. Never
fetches weights: it is given a folder.
"""

import os
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from transformers.utils import logging as transformers_logging

from contex.embedding import folder
from contex.embedding.batching import cut
from contex.embedding.fingerprint import fingerprint
from contex.embedding.port import Vectors
from contex.embedding.text import encodable
from contex.errors import InvalidValue

_DECISIVE = (".safetensors", ".bin", ".model", "tokenizer.json", "vocab.txt")
"""How files that decide a vector end: weights and vocabularies."""


class SentenceTransformersEmbedder:
    """Runs any sentence-transformers model folder on the CPU, one thread."""

    def __init__(self, path: Path, *, name: str, recipe: str) -> None:
        """Load the model in `path`.

        Args:
            path: a sentence-transformers model folder.
            name: the model's name, for the fingerprint.
            recipe: how texts are made of values, for the fingerprint.

        Raises:
            InvalidValue: the library cannot load the folder.
        """
        torch.set_num_threads(1)
        transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # theirs
        try:
            self._model = SentenceTransformer(
                os.fspath(path), device="cpu", local_files_only=True, backend="torch"
            )
        except (OSError, ValueError, KeyError) as error:
            message = f"sentence-transformers cannot load the model in {path}: {error}"
            raise InvalidValue(message, field="CONTEX_MODEL") from error
        self._dimensions = int(self._model.encode("", show_progress_bar=False).shape[0])
        files = sorted(p for p in path.rglob("*") if p.name.endswith(_DECISIVE) and p.is_file())
        settings = f"{self._model.max_seq_length}"
        digest = folder.digest_of(files, settings)
        self._fingerprint = fingerprint(name, digest, "torch-f32", recipe)
        self._turn = threading.Lock()

    @property
    def fingerprint(self) -> str:
        """Names model, precision and text recipe."""
        return self._fingerprint

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        return self._dimensions

    def count_tokens(self, text: str) -> int:
        """Return how many tokens `text` has before truncation, special tokens not counted."""
        ids = self._model.tokenizer.encode(
            encodable(text), add_special_tokens=False, truncation=False, verbose=False
        )
        return len(ids)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector per text, in order. Blocks; call it from a thread."""
        vectors = np.empty((len(texts), self._dimensions), np.float32)
        with self._turn:
            readable = [encodable(text) for text in texts]
            limit = self._model.max_seq_length
            lengths = [len(ids) for ids in self._tokenized(readable)]
            for batch in cut([min(length, limit or length) for length in lengths]):
                vectors[batch] = self._model.encode(
                    [readable[at] for at in batch],
                    batch_size=len(batch),
                    normalize_embeddings=True,
                    show_progress_bar=False,
                )
        return vectors

    def _tokenized(self, texts: list[str]) -> list[list[int]]:
        if not texts:
            return []
        tokens = self._model.tokenizer(texts, truncation=False, verbose=False)
        return list(tokens["input_ids"])
