"""Latency of each method of the index, over gRPC, one call at a time.

    python benchmarks/index.py                       the embedded engine, in a folder of its own
    python benchmarks/index.py --url URL --port N    a server

One project with 1,000 needs and 200 values of 4 chunks; a publish of 4 chunks; 384 dimensions.
"""

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from uuid import uuid4

import numpy as np

from contex.embedding.port import Vectors
from contex.index.qdrant import QdrantIndex
from contex.index.types import (
    AgentHead,
    AgentNeeds,
    NeedSearch,
    ValueChunks,
    ValueHead,
    ValueSearch,
)
from contex.records.names import AgentKey, Scope, ValueKey
from contex.records.publication import Value
from contex.records.registration import Need

DIMENSIONS = 384
AGENTS = 100
NEEDS_PER_AGENT = 10
VALUES = 200
CHUNKS = 4
WORDS = 32
VOCABULARY_WORDS = 50_000
VALUE_BYTES = 2_000
CALLS = 200
LONG_CALLS = 20
THRESHOLD = 0.34

_random = np.random.default_rng(1)


def vectors(count: int) -> Vectors:
    """Return random unit vectors."""
    rows = _random.normal(size=(count, DIMENSIONS))
    unit: Vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit


def chunks(key: ValueKey, revision: int, count: int = CHUNKS, words: int = WORDS) -> ValueChunks:
    """Return a value's revision; its words are as unevenly frequent as a language's."""
    terms = tuple(
        {int(number): 1.0 for number in _random.zipf(1.3, words) % VOCABULARY_WORDS}
        for _ in range(count if words else 0)
    )
    return ValueChunks(key, revision, vectors(count), Value(bytes(VALUE_BYTES)), terms=terms)


def needs(agent: AgentKey, epoch: int) -> AgentNeeds:
    """Return an agent's needs."""
    written = tuple(
        Need(f"what agent {n} needs to know", THRESHOLD) for n in range(NEEDS_PER_AGENT)
    )
    return AgentNeeds(agent, epoch, written, vectors(NEEDS_PER_AGENT))


async def fill(index: QdrantIndex, scope: Scope) -> tuple[list[ValueKey], list[AgentKey]]:
    """Write the project."""
    keys = [ValueKey(scope, f"value {number}") for number in range(VALUES)]
    agents = [AgentKey(scope, f"agent-{number}") for number in range(AGENTS)]
    await index.put_chunks([chunks(key, 1) for key in keys])
    await index.switch_value_heads({key: ValueHead(1, "hash") for key in keys})
    for agent in agents:
        await index.put_needs(needs(agent, 1))
        await index.switch_agent_head(agent, AgentHead(1))
    return keys, agents


async def measure(name: str, call: Callable[[int], Awaitable[object]], calls: int = CALLS) -> None:
    """Print the percentiles of a call."""
    taken_ms = []
    for number in range(calls):
        started = time.perf_counter()
        await call(number)
        taken_ms.append((time.perf_counter() - started) * 1e3)
    p50, p95 = np.percentile(taken_ms, [50, 95])
    print(f"{name:<44} p50 {p50:7.2f} ms   p95 {p95:7.2f} ms")


async def run(url: str, port: int) -> None:
    """Measure every method."""
    index = QdrantIndex(url, port, fingerprint=f"benchmark-{uuid4().hex}", dimensions=DIMENSIONS)
    await index.prepare()
    scope = Scope("benchmark", "project")
    keys, agents = await fill(index, scope)
    key, fresh = keys[0], [chunks(keys[0], 100 + number) for number in range(CALLS)]
    wordless = [chunks(keys[0], 100 + number, words=0) for number in range(CALLS)]
    searched = [vectors(CHUNKS) for _ in range(CALLS)]
    wanted = needs(agents[0], 1)
    every = tuple(Need("any", -1.0) for _ in range(NEEDS_PER_AGENT))
    await measure("ping", lambda _: index.ping())
    await measure("value_heads, 1", lambda _: index.value_heads([key]))
    await measure("value_heads, 100", lambda _: index.value_heads(keys[:100]))
    await measure("agent_heads, 100", lambda _: index.agent_heads(agents))
    await measure(
        "switch_value_heads, 1", lambda n: index.switch_value_heads({key: ValueHead(n, "hash")})
    )
    await measure(
        "switch_value_heads, 32",
        lambda n: index.switch_value_heads(dict.fromkeys(keys[:32], ValueHead(n, "hash"))),
    )
    await measure("complete_value_heads, 1", lambda n: index.complete_value_heads({key: n}))
    await measure("put_chunks, 1 value of 4", lambda n: index.put_chunks([fresh[n]]))
    await measure(
        "put_chunks, 1 value of 4, without words", lambda n: index.put_chunks([wordless[n]])
    )
    await measure("older_chunks, 1 value of 4", lambda _: index.older_chunks({keys[1]: 2}))
    await measure(
        "older_chunks, 1 value of 800", lambda _: index.older_chunks({key: 300}), LONG_CALLS
    )
    await measure(
        "delete_older_chunks, 1 value of 4", lambda n: index.delete_older_chunks({key: n + 101})
    )
    await measure("values, 1", lambda _: index.values({keys[1]: 1}))
    await measure("values, 100", lambda _: index.values(dict.fromkeys(keys[1:101], 1)))
    await measure("switch_agent_head", lambda n: index.switch_agent_head(agents[0], AgentHead(n)))
    await measure("put_needs, 10", lambda _: index.put_needs(wanted))
    await measure("delete_older_needs", lambda _: index.delete_older_needs(agents[0], 1))
    await measure(
        "matching_needs, 1 vector over 1,000",
        lambda n: index.matching_needs([NeedSearch(scope, searched[n][:1])]),
    )
    await measure(
        "matching_needs, 4 vectors over 1,000",
        lambda n: index.matching_needs([NeedSearch(scope, searched[n])]),
    )
    await measure(
        "matching_needs, 32 searches of 4",
        lambda _: index.matching_needs([NeedSearch(scope, rows) for rows in searched[:32]]),
        LONG_CALLS,
    )
    await measure(
        "matching_values, 10 needs over 800, no hit",
        lambda _: index.matching_values(ValueSearch(scope, wanted.needs, wanted.vectors)),
    )
    await measure(
        "matching_values, 10 needs over 800, all hit",
        lambda _: index.matching_values(ValueSearch(scope, every, wanted.vectors)),
        LONG_CALLS,
    )
    await index.close()


def main() -> None:
    """Read the command line; start the embedded engine if no server is given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url")
    parser.add_argument("--port", type=int, default=6334)
    options = parser.parse_args()
    if options.url is not None:
        asyncio.run(run(options.url, options.port))
        return
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "contex.local.index_server", "--data", folder]
        engine = subprocess.Popen([*command, "--port", "0"], stdout=subprocess.PIPE, text=True)
        assert engine.stdout is not None
        port = int(engine.stdout.readline().rsplit(":", 1)[1])
        try:
            asyncio.run(run("http://127.0.0.1", port))
        finally:
            engine.terminate()
            engine.wait()


if __name__ == "__main__":
    main()
