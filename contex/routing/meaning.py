"""From values and needs to vectors: the real `Meaning`, over the text recipe and the batcher.

Decides what runs on the event loop and what must not.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial

from contex.embedding.batcher import Batcher
from contex.embedding.port import Embedder, Vectors
from contex.errors import CallerError, InvalidValue
from contex.index.lexical import passage_terms
from contex.records.publication import Value
from contex.routing.ports import Reading
from contex.text.formats import parse
from contex.text.media import content_type_for
from contex.text.passages import passages

ON_LOOP_BYTES_MAX = 8 * 1024
"""Smaller values are read in about a millisecond, less than a thread costs when all are busy."""

_log = logging.getLogger(__name__)


class TextMeaning:
    """Reads values by the recipe of `contex.text` and embeds through one batcher.

    Args:
        embedder: counts tokens.
        batcher: shared by all that embed in this process.
        advanced: told whenever a slice of what is being embedded here is done.
    """

    def __init__(
        self, embedder: Embedder, batcher: Batcher, advanced: Callable[[], None] | None = None
    ) -> None:
        self._embedder = embedder
        self._embed = (
            batcher.embed if advanced is None else partial(batcher.embed, advanced=advanced)
        )

    async def read(self, data_key: str, value: Value) -> Reading:
        """Return the value's text; large ones are read in a thread."""
        if len(value.content) <= ON_LOOP_BYTES_MAX:
            return self._read(data_key, value)
        return await asyncio.to_thread(self._read, data_key, value)

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return a unit vector per text."""
        return await self._embed(texts)

    def _read(self, data_key: str, value: Value) -> Reading:
        try:
            parsed = parse(value)
            cut = passages(data_key, parsed, self._embedder.count_tokens)
        except CallerError:
            raise
        except Exception as error:
            # A parser that fails on hostile input must not stop the partition for everybody.
            _log.exception("a parser failed on a value of %d bytes", len(value.content))
            raise InvalidValue(
                f"the value cannot be read: {type(error).__name__}", field="data"
            ) from error
        content_type = value.content_type or content_type_for(parsed.format)
        terms = tuple(map(passage_terms, cut.texts))
        return Reading(cut.texts, cut.tokens, content_type, terms)
