"""`make bench`: how fast the whole pipeline is, next to the embedder alone in the same run.

Two questions. How long from the publish call until the update stands in the agent's feed, at an
even 20 values a second (open loop: a slow answer does not slow the clock)? How many values a second
are routed at saturation, as a share of what the embedder alone does with the same texts?

Everything runs on this machine and is repeated; medians and spreads are printed, and nothing is
asserted. Not measured: several workers, other machines, other value sizes, needs in the thousands.
"""

import random
import statistics
import tempfile
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
from product import CODEC, TENANT, Api, UpdatesLog, raw_producer, wait_until

from contex.embedding.factory import open_embedder
from contex.embedding.port import Embedder
from contex.local.stack import Stack, StackOptions
from contex.records import Publication, Scope, Value, ValueKey
from contex.settings import Settings
from contex.text.formats import parse
from contex.text.passages import passages
from topology.catalogue import PUBLICATIONS

NEED = {"text": "anything at all about orders and customers", "threshold": 0.0}
WORDS = tuple(
    """
    order customer shipped coffee beans invoice payment refund delivery parcel warehouse price
    discount basket supplier stock return address message account quality roast grinder filter
    """.split()  # noqa: SIM905 - a text reads better than a list here
)
RATE_PER_S = 20
BATCH_TEXTS = 64


def value_text(chance: random.Random) -> bytes:
    """Return a value of about 64 tokens."""
    words = " ".join(chance.choices(WORDS, k=40))
    return f'{{"note": "{words}", "number": {chance.randrange(10**6)}}}'.encode()


def latencies_ms(api: Api, log: UpdatesLog, seconds: int) -> list[float]:
    """Publish at an even rate and return publish call → update in the feed, per value."""
    chance = random.Random(1)
    started: dict[str, float] = {}

    def publish(number: int) -> None:
        key = f"latency-{uuid.uuid4().hex[:8]}-{number}"
        started[key] = time.time()
        api.publish(key, value_text(chance).decode())

    begin = time.monotonic()
    with ThreadPoolExecutor(32) as pool:
        for number in range(seconds * RATE_PER_S):
            time.sleep(max(0.0, begin + number / RATE_PER_S - time.monotonic()))
            pool.submit(publish, number)
    arrived: dict[str, float] = {}

    def complete() -> bool:
        for update, at in list(log.told):
            for item in update.items:
                arrived.setdefault(item.data_key, at)
        return started.keys() <= arrived.keys()

    wait_until(complete, "every value to be told")
    return [(arrived[key] - at) * 1000 for key, at in started.items()]


def routed_per_s(stack: Stack, log: UpdatesLog, project: str, texts: Sequence[bytes]) -> float:
    """Produce all at once and return values told per second, first to last."""
    scope = Scope(TENANT, project)
    run = uuid.uuid4().hex[:8]
    records = [
        Publication(
            ValueKey(scope, f"{run}-{number}"),
            Value(text),
            f"{run}-{number}",
            int(time.time() * 1e3),
        )
        for number, text in enumerate(texts)
    ]
    messages = [CODEC.encode(record) for record in records]
    expected = {record.key.data_key for record in records}
    begin = time.time()
    with raw_producer(stack.bootstrap) as produce:
        produce(PUBLICATIONS.name, messages)
    arrived: dict[str, float] = {}
    seen = 0

    def complete() -> bool:
        nonlocal seen
        told = list(log.told)
        for update, at in told[seen:]:
            for item in update.items:
                arrived.setdefault(item.data_key, at)
        seen = len(told)
        return expected <= arrived.keys()

    wait_until(complete, "every value to be told", 600)
    return len(texts) / (max(arrived[key] for key in expected) - begin)


def embedded_per_s(embedder: Embedder, texts: Sequence[bytes]) -> float:
    """Return values per second of the embedder alone: same passages, the worker's batches."""
    chunks = [
        passage
        for number, text in enumerate(texts)
        for passage in passages(f"key-{number}", parse(Value(text)), embedder.count_tokens).texts
    ]
    begin = time.perf_counter()
    for start in range(0, len(chunks), BATCH_TEXTS):
        embedder.embed(chunks[start : start + BATCH_TEXTS])
    return len(texts) / (time.perf_counter() - begin)


def spread(values: Sequence[float]) -> str:
    """Return the median and the range."""
    return f"{statistics.median(values):.1f} ({min(values):.1f} to {max(values):.1f})"


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` of the values lie."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


@click.command()
@click.option("--repeat", default=3, show_default=True, help="Runs of each measurement.")
@click.option("--values", default=1500, show_default=True, help="Values per saturation run.")
@click.option("--seconds", default=20, show_default=True, help="Length of a latency run.")
@click.option("--log-level", default="INFO", show_default=True, help="WARNING: without log lines.")
def main(*, repeat: int, values: int, seconds: int, log_level: str) -> None:
    """Measure latency and throughput of the pipeline on this machine."""
    chance = random.Random(7)
    texts = [value_text(chance) for _ in range(values)]
    project = "benchmark"
    with tempfile.TemporaryDirectory() as folder:
        options = StackOptions(Path(folder), environment={"CONTEX_LOG_LEVEL": log_level})
        with Stack(options) as stack, UpdatesLog(stack.bootstrap) as log:
            api = Api(stack.gateway_url, project)
            api.register("reader", NEED)
            wait_until(lambda: log.of(project, "reader"), "the agent to be registered")
            embedder = open_embedder(Settings())
            latencies_ms(api, log, 3)
            p50s, p99s = [], []
            for _ in range(repeat):
                measured = latencies_ms(api, log, seconds)
                p50s.append(percentile(measured, 0.50))
                p99s.append(percentile(measured, 0.99))
            print(f"publish → update at {RATE_PER_S}/s, {repeat} runs of {seconds} s:")
            print(f"  p50 {spread(p50s)} ms, p99 {spread(p99s)} ms")
            alone, routed, ratios = [], [], []
            for _ in range(repeat):
                alone.append(embedded_per_s(embedder, texts))
                routed.append(routed_per_s(stack, log, project, texts))
                ratios.append(routed[-1] / alone[-1])
            print(f"values per second at saturation, {repeat} runs of {values} values, in turn:")
            print(f"  embedder alone {spread(alone)}, whole pipeline {spread(routed)}")
            print(
                f"  pipeline ÷ embedder: {statistics.median(ratios):.2f}"
                f" ({min(ratios):.2f} to {max(ratios):.2f})"
            )


if __name__ == "__main__":
    main()
