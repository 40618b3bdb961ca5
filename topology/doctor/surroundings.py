"""Where to look: the environment's addresses, else those of a `contex dev` that runs here.

Decides which of them wins, variable by variable: what the environment sets, then what the running
stack says in its run.json, then the default. Contacts nobody.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contex.settings.catalogue import BY_NAME

RUN_FILE = "run.json"
_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Child:
    """A process of a stack."""

    name: str
    phase: str
    restarts: int
    log: str


@dataclass(frozen=True, slots=True)
class DevStack:
    """What a run.json says; the stack itself may be gone."""

    folder: Path
    pid: int
    children: tuple[Child, ...]
    addresses: Mapping[str, str]

    @property
    def runs(self) -> bool:
        """Whether its process is there."""
        try:
            os.kill(self.pid, 0)
        except (ProcessLookupError, OverflowError):
            return False
        except PermissionError:
            return True
        return True


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The addresses and keys by which everything is looked at."""

    environ: Mapping[str, str]
    data: Path
    dev: DevStack | None = None

    def value(self, name: str) -> Any:  # noqa: ANN401 - as many types as kinds of settings
        """Return a setting as it is read here; a wrong one counts as not set: it is told apart."""
        setting = BY_NAME[name]
        told = self.dev.addresses if self.dev and self.dev.runs else {}
        for text in (self.environ.get(name), told.get(name)):
            if text:
                try:
                    return setting.kind.parse(text)
                except ValueError:
                    continue
        return setting.value

    @property
    def uses_dev(self) -> bool:
        """Whether an address comes from a running stack."""
        return bool(
            self.dev
            and self.dev.runs
            and any(not self.environ.get(name) for name in self.dev.addresses)
        )


def surroundings(environ: Mapping[str, str], data: Path) -> Surroundings:
    """Return where to look, given an environment and the data folder of `contex dev`."""
    return Surroundings(environ, data, _dev_stack(data))


def _dev_stack(data: Path) -> DevStack | None:
    try:
        run = json.loads((data / RUN_FILE).read_text(encoding="utf-8"))
        children = tuple(
            Child(name, child["phase"], child["restarts"], child["log"])
            for name, child in run["children"].items()
        )
        addresses = {
            "KAFKA_BOOTSTRAP_SERVERS": run["bootstrap"],
            "QDRANT_URL": f"http://{_LOOPBACK}:{run['index_port']}",
            "QDRANT_GRPC_PORT": str(run["index_port"]),
            "CONTEX_URL": run["gateway_url"],
        }
        return DevStack(data, int(run["pid"]), children, addresses)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # none ran here, or another program's file
