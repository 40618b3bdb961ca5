"""The broker's configuration, command line and probe, as text and bytes."""

import struct
from pathlib import Path

import pytest

from contex.local.kafka_config import BrokerPorts, java_command, server_properties
from contex.local.kafka_probe import live_brokers, metadata_request


def properties(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines())


def test_properties_make_a_lone_broker_on_the_loopback_interface() -> None:
    found = properties(server_properties(logs=Path("/data/kafka"), ports=BrokerPorts(9092, 9093)))
    assert found["process.roles"] == "broker,controller"
    assert found["listeners"] == "BROKER://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093"
    assert found["controller.quorum.voters"] == "1@127.0.0.1:9093"
    assert found["log.dirs"] == "/data/kafka"
    assert found["auto.create.topics.enable"] == "false"
    assert found["group.initial.rebalance.delay.ms"] == "0"


def test_messages_may_be_as_large_as_the_largest_topic_allows() -> None:
    found = properties(server_properties(logs=Path("/data"), ports=BrokerPorts(1, 2)))
    assert int(found["message.max.bytes"]) > 8 * 1024 * 1024


def test_the_command_line_ends_with_main_class_and_arguments() -> None:
    command = java_command(Path("/java"), [Path("/a.jar"), Path("/b.jar")], "Main", "x")
    assert command[0] == "/java"
    assert command[-4:] == ["-cp", "/a.jar:/b.jar", "Main", "x"]


def test_a_metadata_request_states_its_own_length() -> None:
    request = metadata_request()
    assert struct.unpack_from(">ihhi", request) == (len(request) - 4, 3, 1, 7)


def test_live_brokers_are_counted_and_foreign_answers_refused() -> None:
    assert live_brokers(struct.pack(">ii", 7, 1)) == 1
    with pytest.raises(ValueError, match="expected correlation id 7, got 8"):
        live_brokers(struct.pack(">ii", 8, 1))
