"""Opens the embedder that the settings name.

Decides which class serves `CONTEX_EMBEDDER`. Never fetches weights: a server that starts does not
download.
"""

import sys

from contex.embedding.deterministic import DeterministicEmbedder
from contex.embedding.models import locate
from contex.embedding.port import Embedder
from contex.errors import InvalidValue
from contex.settings import Settings
from contex.text.passages import RECIPE


def open_embedder(settings: Settings) -> Embedder:
    """Return the embedder of `settings`, ready. Takes half a second; blocks.

    Raises:
        InvalidValue: the model cannot be run by it, or its library is not installed.
        DependencyAway: the model is not on this machine.
    """
    if settings.embedder == "deterministic":
        return DeterministicEmbedder(recipe=RECIPE)
    model = locate(settings.model)
    if settings.embedder == "openvino":
        # OpenVINO reports its use to its makers where this can be imported, and does without.
        sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
        from contex.embedding.openvino import OpenVinoEmbedder  # noqa: PLC0415 - 100 MB of library

        return OpenVinoEmbedder(model.path, name=model.name, recipe=RECIPE)
    try:
        from contex.embedding.sentence_transformers import (  # noqa: PLC0415 - an extra: torch
            SentenceTransformersEmbedder,
        )
    except ImportError as error:
        raise InvalidValue(
            "CONTEX_EMBEDDER=sentence-transformers needs 'contex-stream[sentence-transformers]'"
            f" ({error})",
            field="CONTEX_EMBEDDER",
        ) from error
    return SentenceTransformersEmbedder(model.path, name=model.name, recipe=RECIPE)
