"""A container's health check asks the port that the process was given, and believes a 200 alone."""

import pytest

from contex.telemetry.health import HealthServer
from contex.telemetry.probe import is_ready, port_of


@pytest.mark.parametrize(
    ("environ", "port"),
    [
        ({}, 8000),
        ({"CONTEX_PORT": "80"}, 80),
        ({"CONTEX_PORT": "80", "CONTEX_HEALTH_PORT": "9100"}, 9100),
        ({"CONTEX_PORT": "80", "CONTEX_HEALTH_PORT": ""}, 80),
    ],
)
def test_the_port_is_the_process_own(environ: dict[str, str], port: int) -> None:
    assert port_of(environ) == port


async def test_ready_is_a_200_and_nothing_else() -> None:
    ready = {"assigned": False}
    async with HealthServer(0, live=dict, ready=lambda: ready, host="127.0.0.1") as server:
        assert not is_ready(server.port)
        ready["assigned"] = True
        assert is_ready(server.port)
    assert not is_ready(server.port)
