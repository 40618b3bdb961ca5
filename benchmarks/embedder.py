"""Compares the default embedder with sentence-transformers, in one run.

Decides what is measured: texts and tokens per second, the time to the first vector, memory. Both
embedders see the same texts in turns, so that other work on the machine hurts both alike. Never
judges the figures.
"""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click
from rich.console import Console
from rich.table import Table

from contex.embedding.environment import settle
from contex.embedding.models import DEFAULT, locate

if TYPE_CHECKING:  # the ports load numpy, which must find the environment settled
    from collections.abc import Callable, Sequence

    from contex.embedding.port import Embedder

RECIPE = "benchmark"
SEED = 20_240_501
WARM_TEXTS = 4
SPECIAL_TOKENS = 2
TOKENS_MAX = 256
MEBIBYTE = 1 << 20
WORDS = (
    "account api average billing burst cache channel client cluster config country currency"
    " customer database deadline deploy error event export failure field filter gateway header"
    " index invoice latency ledger limit market message metric model month network number order"
    " owner partner payment policy price queue rate record region release report request result"
    " retry schema secret server service session status stock storage team tenant threshold token"
    " topic update user value version warehouse webhook window worker"
)


class Kind(NamedTuple):
    """How many words a text has, how many texts there are, how many are handed over at once."""

    words_min: int
    words_max: int
    texts: int
    call_texts: int


KINDS = {
    "short, one by one": Kind(5, 9, 32, 1),
    "short": Kind(5, 9, 128, 128),
    "medium, one by one": Kind(50, 70, 16, 1),
    "medium": Kind(50, 70, 48, 48),
    "long": Kind(260, 320, 16, 16),
    "mixed": Kind(4, 320, 48, 48),
}


class Run(NamedTuple):
    """What one pass over a kind's texts took, in wall and in processor time."""

    wall_s: float
    cpu_s: float


def fast() -> Embedder:
    """Open the default embedder."""
    from contex.embedding.openvino import OpenVinoEmbedder  # noqa: PLC0415 - its start is measured

    model = locate(DEFAULT)
    return OpenVinoEmbedder(model.path, name=model.name, recipe=RECIPE)


def reference() -> Embedder:
    """Open sentence-transformers."""
    from contex.embedding.sentence_transformers import (  # noqa: PLC0415 - its start is measured
        SentenceTransformersEmbedder,
    )

    model = locate(DEFAULT)
    return SentenceTransformersEmbedder(model.path, name=model.name, recipe=RECIPE)


EMBEDDERS: dict[str, Callable[[], Embedder]] = {
    "openvino": fast,
    "sentence-transformers": reference,
}


def texts_of(kind: Kind) -> list[str]:
    """Return the texts of `kind`, the same in every run."""
    chance = random.Random(SEED)
    words = WORDS.split()
    lengths = [chance.randint(kind.words_min, kind.words_max) for _ in range(kind.texts)]
    return [" ".join(chance.choices(words, k=length)) for length in lengths]


def timed(embedder: Embedder, texts: Sequence[str], call_texts: int) -> Run:
    """Embed `texts`, `call_texts` at a time."""
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    for at in range(0, len(texts), call_texts):
        embedder.embed(texts[at : at + call_texts])
    return Run(time.perf_counter() - wall_s, time.process_time() - cpu_s)


def start(name: str) -> None:
    """Serve a first text, then a full batch of the longest ones; say what that took."""
    embedder = EMBEDDERS[name]()
    embedder.embed(["the first text"])
    print(f"ready {resident_bytes()}", flush=True)
    embedder.embed([f"{at} " * 400 for at in range(32)])
    print(f"full {resident_bytes()}", flush=True)


def started(name: str) -> tuple[float, int, int]:
    """Return a fresh process's seconds to its first vector, and its memory then and when busy."""
    command = [sys.executable, "-m", "benchmarks.embedder", "--start", name]
    began = time.perf_counter()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        ready = process.stdout.readline().split()
        first_vector_s = time.perf_counter() - began
        full = process.stdout.readline().split()
    if process.returncode:
        raise click.ClickException(f"{name} did not start")
    return first_vector_s, int(ready[1]), int(full[1])


def resident_bytes() -> int:
    """Return the memory this process holds."""
    pages = Path("/proc/self/statm").read_text("ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def spread(figures: Sequence[float], digits: int = 0) -> str:
    """Return the median and, in brackets, the least and the greatest."""
    median = statistics.median(figures)
    return f"{median:,.{digits}f} ({min(figures):,.{digits}f}-{max(figures):,.{digits}f})"


def show_starts(console: Console, repeat: int) -> None:
    """Measure starts and print them."""
    table = Table("embedder", "first vector, s", "memory then, MiB", "memory busy, MiB")
    for name in EMBEDDERS:
        runs = [started(name) for _ in range(repeat)]
        firsts, idle, busy = zip(*runs, strict=True)
        table.add_row(
            name,
            spread(firsts, 2),
            spread([size / MEBIBYTE for size in idle]),
            spread([size / MEBIBYTE for size in busy]),
        )
    console.print(table)


def show_throughput(console: Console, repeat: int) -> None:
    """Measure throughput and print it."""
    embedders = {name: make() for name, make in EMBEDDERS.items()}
    console.print(", ".join(embedder.fingerprint for embedder in embedders.values()))
    table = Table("texts", "embedder", "texts/s", "tokens/s", "texts/CPU s", "CPU ratio")
    for title, kind in KINDS.items():
        texts = texts_of(kind)
        counts = [embedders["openvino"].count_tokens(text) + SPECIAL_TOKENS for text in texts]
        tokens = sum(min(count, TOKENS_MAX) for count in counts)
        runs: dict[str, list[Run]] = {name: [] for name in embedders}
        for embedder in embedders.values():
            timed(embedder, texts[:WARM_TEXTS], kind.call_texts)
        for _ in range(repeat):
            for name, embedder in embedders.items():
                runs[name].append(timed(embedder, texts, kind.call_texts))
        for name, taken in runs.items():
            pairs = zip(runs["sentence-transformers"], taken, strict=True)
            table.add_row(
                title,
                name,
                spread([len(texts) / run.wall_s for run in taken]),
                spread([tokens / run.wall_s for run in taken]),
                spread([len(texts) / run.cpu_s for run in taken]),
                spread([slow.cpu_s / run.cpu_s for slow, run in pairs], 1),
            )
    console.print(table)


@click.command()
@click.option("--repeat", default=5, show_default=True, help="How often each figure is taken.")
@click.option("--start", "start_name", type=click.Choice(list(EMBEDDERS)), hidden=True)
def main(repeat: int, start_name: str | None) -> None:
    """Compare the default embedder with sentence-transformers."""
    settle(os.environ)
    if start_name is not None:
        start(start_name)
        return
    console = Console(width=140)
    show_throughput(console, repeat)
    show_starts(console, repeat)


if __name__ == "__main__":
    main()
