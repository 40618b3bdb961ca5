"""Choosing ports and refusing taken ones."""

import socket

import pytest

from contex.local.errors import PortTaken
from contex.local.ports import (
    FREE_PORT_MAX,
    FREE_PORT_MIN,
    LOOPBACK,
    check_free,
    first_free,
    free_ports,
    is_free,
)


def test_first_free_skips_what_is_taken() -> None:
    assert first_free([1, 2, 3, 4, 5], 2, lambda port: port % 2 == 0) == [2, 4]
    assert first_free([1, 3], 1, lambda port: port % 2 == 0) == []


def test_free_ports_differ_and_stay_below_the_outgoing_range() -> None:
    ports = free_ports(50)
    assert len(set(ports)) == 50
    assert all(FREE_PORT_MIN <= port < FREE_PORT_MAX for port in ports)


def test_a_taken_port_is_refused_with_the_next_step() -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
        assert not is_free(port)
        with pytest.raises(PortTaken, match=f"Kafka cannot listen on 127.0.0.1:{port}") as raised:
            check_free(port, "Kafka", "--kafka-port")
    assert "--kafka-port 0" in raised.value.advice
    check_free(port, "Kafka", "--kafka-port")
