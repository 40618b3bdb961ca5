"""The default embedder: a BERT sentence encoder on OpenVINO, without torch.

Decides precision, threads and truncation. Never fetches weights; never waits for other callers
(the batcher does that).
"""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from openvino import CompiledModel, Core
from safetensors import SafetensorError
from safetensors.numpy import load_file
from tokenizers import Encoding, Tokenizer

from contex.embedding import bert, folder
from contex.embedding.batching import cut
from contex.embedding.fingerprint import fingerprint
from contex.embedding.port import Vectors
from contex.embedding.text import encodable
from contex.errors import InvalidValue

Precision = Literal["bf16", "f32"]

_DEVICE = "CPU"


class OpenVinoEmbedder:
    """Runs any BERT-architecture sentence-transformers folder with mean pooling.

    One stream of one thread: several callers take turns. Scale by processes, not by threads,
    whose barriers spin on a busy machine.
    """

    def __init__(
        self, path: Path, *, name: str, recipe: str, precision: Precision | None = None
    ) -> None:
        """Load the model in `path`.

        Args:
            path: a sentence-transformers model folder.
            name: the model's name, for the fingerprint.
            recipe: how texts are made of values, for the fingerprint.
            precision: None takes bf16 where the CPU computes it, else f32.

        Raises:
            InvalidValue: the model is none this embedder can run, or the CPU has no bf16.
        """
        self._bert = folder.read(path)
        core = Core()
        self._precision = precision or best_precision(core)
        with ThreadPoolExecutor(1) as hashing:
            digest = hashing.submit(folder.digest, self._bert)
            self._request = _compiled(core, self._bert, self._precision).create_infer_request()
            self._fingerprint = fingerprint(name, digest.result(), self._precision, recipe)
        self._tokenizer = _tokenizer(self._bert.folder)
        self._tokenizer.enable_truncation(self._bert.tokens_max)
        self._turn = threading.Lock()

    @property
    def fingerprint(self) -> str:
        """Names model, precision and text recipe."""
        return self._fingerprint

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        return self._bert.hidden

    def count_tokens(self, text: str) -> int:
        """Return how many tokens `text` has before truncation, special tokens not counted."""
        return len(self._counter.encode(encodable(text), add_special_tokens=False).ids)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector per text, in order. Blocks; call it from a thread."""
        vectors = np.empty((len(texts), self.dimensions), np.float32)
        rows = self._tokenizer.encode_batch_fast([encodable(text) for text in texts])
        for batch in cut([len(row.ids) for row in rows]):
            vectors[batch] = self._infer([rows[at] for at in batch])
        return vectors

    @cached_property
    def _counter(self) -> Tokenizer:
        """A second tokenizer, because truncation is a state of the first."""
        return _tokenizer(self._bert.folder)

    def _infer(self, rows: Sequence[Encoding]) -> Vectors:
        shape = (len(rows), max(len(row.ids) for row in rows))
        ids = np.full(shape, self._bert.pad_id, np.int32)
        mask = np.zeros(shape, np.int32)
        for at, row in enumerate(rows):
            ids[at, : len(row.ids)] = row.ids
            mask[at, : len(row.ids)] = 1
        with self._turn:
            vectors: Vectors = self._request.infer([ids, mask])[0]
        return vectors


def best_precision(core: Core) -> Precision:
    """Return what this CPU computes fastest without losing agreement."""
    return "bf16" if "BF16" in core.get_property(_DEVICE, "OPTIMIZATION_CAPABILITIES") else "f32"


def _compiled(core: Core, shape: folder.Bert, precision: Precision) -> CompiledModel:
    if precision == "bf16" and best_precision(core) != "bf16":
        raise InvalidValue("this CPU does not compute bf16", field="precision")
    try:
        tensors = bert.tensors_as_f32(load_file(shape.folder / folder.WEIGHTS))
    except (SafetensorError, TypeError) as error:
        message = f"{shape.folder / folder.WEIGHTS} cannot be read as weights: {error}"
        raise InvalidValue(message, field="CONTEX_MODEL") from error
    options = {
        "INFERENCE_PRECISION_HINT": precision,
        "INFERENCE_NUM_THREADS": 1,
        "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY",
    }
    return core.compile_model(bert.build(shape, tensors), _DEVICE, options)


def _tokenizer(path: Path) -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(path / folder.TOKENIZER))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer
