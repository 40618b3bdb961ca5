"""A worker's process ends with a status that says why, and with a line that says it in words.

Each case runs in a process of its own, since that process ends hard.
"""

import json
import os
import signal
import subprocess
import sys

import pytest

from workers.exits import EXIT_BUG, EXIT_DEPENDENCY_AWAY, EXIT_SETTINGS

PROGRAM = """
import asyncio, os, signal
from contex.errors import DependencyAway, InvalidValue
from contex.webhooks.secrets import SecretKeysUnusable
from workers.process import finished_before, run

async def serve(settings, stop):
    {body}

run("routing", serve)
print("returned")
"""
TOLD = "os.kill(os.getpid(), signal.{name}); await asyncio.wait_for(stop.wait(), 30)"
BEFORE = (
    "os.kill(os.getpid(), signal.SIGTERM); print(await finished_before(stop, asyncio.sleep(30)))"
)


def ran(body: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", PROGRAM.format(body=body)],
        env={**os.environ, "CONTEX_LOG_FORMAT": "json", **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ("raise DependencyAway('Kafka')", EXIT_DEPENDENCY_AWAY, "Kafka"),
        ("raise TimeoutError", EXIT_DEPENDENCY_AWAY, "joining or leaving the group"),
        ("raise InvalidValue('no such model')", EXIT_SETTINGS, "no such model"),
        ("raise SecretKeysUnusable('lacks the key')", EXIT_SETTINGS, "lacks the key"),
        ("raise KeyError('a bug')", EXIT_BUG, "KeyError: 'a bug'"),
    ],
)
def test_the_status_says_why_it_ended(body: str, status: int, words: str) -> None:
    ended = ran(body)

    last = json.loads(ended.stderr.splitlines()[-1])
    assert ended.returncode == status, ended.stderr
    assert (last["level"], last["service"]) == ("critical", "routing")
    assert words in last["event"]


def test_wrong_settings_are_all_named_in_one_line() -> None:
    ended = ran("pass", CONTEX_HEALTH_PORT="many", CONTEX_LOG_LEVEL="loud")

    [line] = ended.stderr.splitlines()
    assert ended.returncode == EXIT_SETTINGS
    assert "CONTEX_HEALTH_PORT: expected" in json.loads(line)["event"]
    assert "CONTEX_LOG_LEVEL: expected" in json.loads(line)["event"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda one: one.name)
def test_it_is_told_to_stop_by_signals(number: signal.Signals) -> None:
    ended = ran(TOLD.format(name=number.name))

    assert (ended.returncode, ended.stdout) == (0, "returned\n"), ended.stderr


def test_the_order_to_stop_may_come_before_the_work_is_done() -> None:
    assert ran(BEFORE).stdout == "False\nreturned\n"
