"""Latency of queries over 2,000 values, one at a time: from the question to the values.

    python benchmarks/query.py                       the embedded engine, in a folder of its own
    python benchmarks/query.py --url URL --port N    a server

Values of some 60 words each, of a dozen subjects, in one project, embedded with the model of the
settings and written as the routing worker writes them. Each question is asked once per repetition;
medians of the repetitions and their spread are printed, and nothing is asserted.
"""

import argparse
import asyncio
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from uuid import uuid4

from contex.embedding.batcher import Batcher
from contex.embedding.factory import open_embedder
from contex.embedding.port import Embedder
from contex.index.port import Index
from contex.index.qdrant import QdrantIndex
from contex.query.listing import list_values
from contex.query.ports import QueryPorts
from contex.query.queries import query, query_many
from contex.query.types import Mode, Query
from contex.records import Cause, Publication, Scope, Update, Value, ValueKey
from contex.routing.meaning import TextMeaning
from contex.routing.ports import Ports
from contex.routing.publications import Arrived, route_publications
from contex.settings import load_settings

VALUES = 2_000
BATCH_VALUES = 64
QUESTIONS = 100
REPEAT = 3
HERE = Scope("benchmark", "here")
TOPICS = tuple(
    line.split()
    for line in """
        order customer basket checkout discount coupon voucher receipt
        parcel delivery courier tracking warehouse shipment pallet dispatch
        invoice payment refund card bank transfer currency chargeback
        coffee beans roast grinder filter machine espresso aroma
        incident pager outage alert runbook escalation severity rollback
        database table column query index replica migration backup
        salary vacation contract interview onboarding pension training review
        campaign audience newsletter banner slogan brand sponsor survey
        password login session token permission audit encryption firewall
        contract supplier tender quote procurement stock reorder shortage
        building floor kitchen parking heating elevator cleaning visitor
        flight hotel train luggage passport itinerary visa conference
    """.strip().splitlines()
)
DETAILS = [f"{letter}{number}" for letter in "abcdefgh" for number in range(200)]


class _Nobody:
    async def tell(self, updates: Sequence[Update]) -> None:
        """Tell nobody."""


def value(chance: random.Random, number: int) -> bytes:
    """Return a value of about 60 words, one of them its own."""
    words = chance.choices(chance.choice(TOPICS), k=44) + chance.choices(DETAILS, k=14)
    chance.shuffle(words)
    return f'{{"note": "{" ".join(words)}", "ref": "E{number:05}"}}'.encode()


async def fill(ports: Ports, values: int) -> float:
    """Write the project, and return values per second."""
    chance = random.Random(1)
    begin = time.perf_counter()
    for start in range(0, values, BATCH_VALUES):
        numbers = range(start, min(start + BATCH_VALUES, values))
        records = [
            Publication(ValueKey(HERE, f"value/{n}"), Value(value(chance, n)), str(n), n)
            for n in numbers
        ]
        batch = [
            Arrived(record, Cause("contex.publications", 0, n))
            for n, record in zip(numbers, records, strict=True)
        ]
        await route_publications(batch, ports)
    return values / (time.perf_counter() - begin)


async def taken_ms(ask: Callable[[int], Awaitable[object]], calls: int) -> list[float]:
    """Return how long each call took."""
    taken: list[float] = []
    for number in range(calls):
        begin = time.perf_counter()
        await ask(number)
        taken.append((time.perf_counter() - begin) * 1e3)
    return taken


async def measure(name: str, ask: Callable[[int], Awaitable[object]], calls: int) -> None:
    """Print the median and the 95th percentile of the calls, each with its spread."""
    runs = [sorted(await taken_ms(ask, calls)) for _ in range(REPEAT)]
    p50s = [statistics.median(run) for run in runs]
    p95s = [run[int(0.95 * len(run))] for run in runs]
    print(
        f"{name:<40} p50 {statistics.median(p50s):6.1f} ({min(p50s):.1f} to {max(p50s):.1f}) ms"
        f"   p95 {statistics.median(p95s):6.1f} ({min(p95s):.1f} to {max(p95s):.1f}) ms"
    )


def questions(mode: Mode, texts: Sequence[str], **how: object) -> list[Query]:
    """Return a question per text."""
    return [Query(text, mode=mode, **how) for text in texts]  # type: ignore[arg-type] # by name


def _each(ports: QueryPorts, several: Sequence[Query]) -> Callable[[int], Awaitable[object]]:
    return lambda number: query(ports, HERE, several[number])


async def run(index: Index, embedder: Embedder, values: int) -> None:
    """Fill the index and measure."""
    await index.prepare()
    async with Batcher(embedder) as batcher:
        meaning = TextMeaning(embedder, batcher)
        rate = await fill(Ports(index, meaning, _Nobody()), values)
        print(f"{values} values written, {rate:.0f} a second")
        chance = random.Random(2)
        subjects = [" ".join(chance.sample(chance.choice(TOPICS), 5)) for _ in range(QUESTIONS)]
        tokens = [f"E{chance.randrange(values):05}" for _ in range(QUESTIONS)]
        ports = QueryPorts(index, batcher)
        asked = {f"{mode.value}, 5 words of a subject": questions(mode, subjects) for mode in Mode}
        asked["hybrid, an exact token"] = questions(Mode.HYBRID, tokens)
        asked["hybrid, nothing meets the threshold"] = questions(
            Mode.HYBRID, subjects, threshold=1.0
        )
        await measure("the embedder alone", lambda n: batcher.embed([subjects[n]]), QUESTIONS)
        for name, several in asked.items():
            await measure(name, _each(ports, several), QUESTIONS)
        several = questions(Mode.HYBRID, subjects[:20])
        await measure("hybrid, 20 at once", lambda _: query_many(ports, HERE, several), 5)
        await measure("a page of 100 values", lambda _: list_values(index, HERE, limit=100), 20)
    await index.close()


def main() -> None:
    """Read the command line; start the embedded engine if no server is given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url")
    parser.add_argument("--port", type=int, default=6334)
    parser.add_argument("--values", type=int, default=VALUES)
    options = parser.parse_args()
    embedder = open_embedder(load_settings())

    def index(url: str, port: int) -> QdrantIndex:
        name = f"benchmark-{uuid4().hex}"
        return QdrantIndex(url, port, fingerprint=name, dimensions=embedder.dimensions)

    if options.url is not None:
        asyncio.run(run(index(options.url, options.port), embedder, options.values))
        return
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "contex.local.index_server", "--data", folder]
        engine = subprocess.Popen([*command, "--port", "0"], stdout=subprocess.PIPE, text=True)
        assert engine.stdout is not None
        port = int(engine.stdout.readline().rsplit(":", 1)[1])
        try:
            asyncio.run(_local(index, port, embedder, options.values))
        finally:
            engine.terminate()
            engine.wait()


async def _local(
    index: Callable[[str, int], Index], port: int, embedder: Embedder, values: int
) -> None:
    await run(index("http://127.0.0.1", port), embedder, values)


if __name__ == "__main__":
    main()
