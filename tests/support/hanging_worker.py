"""A routing worker that hangs in the batch which holds the word, and whose watchdog is impatient.

Run as a script. Everything else of it is the worker as it is.
"""

import os
import time
from collections.abc import Sequence

from contex.embedding.deterministic import DeterministicEmbedder
from contex.embedding.environment import settle
from contex.embedding.port import Vectors

settle(os.environ)

WORD = "hangup"
BATCH_S_MAX = 9.0
"""Longer than the lag is asked for, so that the metrics tell of it before the end."""
_LONG_S = 600.0


class HangingEmbedder(DeterministicEmbedder):
    """Never comes back from a text with the word."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return vectors, or hang."""
        if any(WORD in text for text in texts):
            time.sleep(_LONG_S)
        return super().embed(texts)


def main() -> None:
    """Run the worker."""
    from contex.embedding import factory
    from workers import watchdog
    from workers.routing.worker import main as run

    vars(factory)["DeterministicEmbedder"] = HangingEmbedder
    watchdog.BATCH_S_MAX = BATCH_S_MAX
    run()


if __name__ == "__main__":
    main()
