"""Why a broker is not reached, on real sockets; and its protocol, byte for byte."""

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from contex.log import broker_wire, reach
from contex.log.broker_wire import Node, NotKafka
from contex.log.reach import Obstacle, Reached, Unreached

PATIENCE_S = 10.0
"""For answers that come: a busy machine may be late with them."""
SILENCE_S = 0.2
"""For answers that do not come in time."""


@contextmanager
def listening(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """Give the port of a server that talks as told, on every connection."""

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                talk(connection)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def obstacle(port: int, host: str = "127.0.0.1", timeout_s: float = PATIENCE_S) -> Obstacle:
    answer = reach.reach(host, port, timeout_s)
    assert isinstance(answer, Unreached), answer
    return answer.obstacle


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert obstacle(port) is Obstacle.REFUSED
    assert reach.knock("127.0.0.1", port) is Obstacle.REFUSED


def test_no_such_host(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "create_connection", unknown)
    assert obstacle(9092, "kafka.invalid") is Obstacle.NO_HOST


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".example", "."])
def test_what_can_be_no_name_is_no_such_host(host: str) -> None:
    assert obstacle(9092, host) is Obstacle.NO_HOST
    assert reach.knock(host, 9092) is Obstacle.NO_HOST


@pytest.mark.parametrize("port", [-1, 65_536, 1 << 31])
def test_what_can_be_no_port_leads_nowhere(port: int) -> None:
    nowhere = {Obstacle.UNREACHABLE, Obstacle.NO_HOST, Obstacle.REFUSED}
    assert obstacle(port) in nowhere


def test_a_server_that_trickles_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    clock_s = iter(range(1_000))
    monkeypatch.setattr(time, "monotonic", lambda: next(clock_s) / 10)

    def trickle(connection: socket.socket) -> None:
        connection.recv(1024)
        with suppress(OSError):
            connection.sendall(struct.pack(">i", 1 << 20))
            while True:
                connection.sendall(b"x")

    with listening(trickle) as port:
        assert obstacle(port, timeout_s=SILENCE_S) is Obstacle.SILENT


@pytest.mark.parametrize(
    ("error", "expected"),
    [(TimeoutError(), Obstacle.TIMEOUT), (OSError("no route"), Obstacle.UNREACHABLE)],
)
def test_the_network_is_in_the_way(
    monkeypatch: pytest.MonkeyPatch, error: OSError, expected: Obstacle
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(socket, "create_connection", fail)
    assert obstacle(9092) is expected


def test_a_web_server_is_no_kafka(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "_HTTP_TIMEOUT_S", PATIENCE_S)

    def web(connection: socket.socket) -> None:
        if connection.recv(1024).startswith(b"GET"):
            connection.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")

    with listening(web) as port:
        assert obstacle(port) is Obstacle.NOT_KAFKA


@pytest.mark.parametrize("answer", [b"SSH-2.0-OpenSSH_9.6\r\n", struct.pack(">iii", 8, 99, 0)])
def test_another_protocol_is_no_kafka(answer: bytes) -> None:
    with listening(lambda connection: connection.sendall(answer)) as port:
        assert obstacle(port) is Obstacle.NOT_KAFKA


def test_a_server_that_hangs_up_is_told_apart_from_one_that_is_silent() -> None:
    def hang_up(connection: socket.socket) -> None:
        connection.recv(1024)

    def keep_silent(connection: socket.socket) -> None:
        while connection.recv(1024):
            pass

    with listening(hang_up) as port:
        assert obstacle(port) is Obstacle.CLOSED
    with listening(keep_silent) as port:
        assert obstacle(port, timeout_s=SILENCE_S) is Obstacle.SILENT


def metadata(*nodes: Node) -> bytes:
    body = struct.pack(">ii", broker_wire.CORRELATION_ID, len(nodes))
    for node in nodes:
        host = node.host.encode()
        body += struct.pack(">ih", node.node_id, len(host)) + host
        body += struct.pack(">ih", node.port, -1)
    return body + struct.pack(">ii", 0, 0)


def quorum(leader: int, now_ms: int, error: int = 0) -> bytes:
    name = broker_wire.CONTROLLER_LOG.encode()
    replicas = b"".join(
        struct.pack(">iqqq", replica, 10, -1, caught_up_ms) + b"\x00"
        for replica, caught_up_ms in [(leader + 1, 5), (leader, now_ms)]
    )
    partition = struct.pack(">ihiiq", 0, 0, leader, 1, 10) + b"\x03" + replicas + b"\x01\x00"
    topics = b"\x02" + bytes([len(name) + 1]) + name + b"\x02" + partition + b"\x00"
    return (
        struct.pack(">i", broker_wire.CORRELATION_ID)
        + b"\x00"
        + struct.pack(">h", error)
        + topics
        + b"\x00"
    )


def framed(body: bytes) -> bytes:
    return struct.pack(">i", len(body)) + body


def test_a_broker_tells_its_cluster_and_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1_000.0)
    here = Node(1, "kafka-1", 9092)

    def broker(connection: socket.socket) -> None:
        connection.recv(1024)
        connection.sendall(framed(metadata(here)))
        connection.recv(1024)
        connection.sendall(framed(quorum(1, 1_002_500)))

    with listening(broker) as port:
        assert reach.reach("127.0.0.1", port, PATIENCE_S) == Reached((here,), 2_500.0)


def test_a_cluster_that_keeps_its_time_to_itself_is_reached_all_the_same() -> None:
    def broker(connection: socket.socket) -> None:
        connection.recv(1024)
        connection.sendall(framed(metadata()))

    with listening(broker) as port:
        assert reach.reach("127.0.0.1", port, PATIENCE_S) == Reached((), None)


def test_the_leaders_time_is_read_and_an_error_is_none() -> None:
    assert broker_wire.clock_ms(quorum(7, 1_234)) == 1_234
    assert broker_wire.clock_ms(quorum(7, 1_234, error=31)) is None


@pytest.mark.parametrize("cut", range(4, 40, 3))
def test_half_an_answer_is_no_answer(cut: int) -> None:
    with pytest.raises(NotKafka):
        broker_wire.nodes(metadata(Node(1, "kafka-1", 9092))[: min(cut, 26)])
    with pytest.raises(NotKafka):
        broker_wire.clock_ms(quorum(1, 1_234)[:cut])


@pytest.mark.parametrize(
    ("server", "expected"),
    [("kafka:9093", ("kafka", 9093)), ("[::1]:9092", ("::1", 9092)), (" kafka ", ("kafka", 9092))],
)
def test_addresses_are_read(server: str, expected: tuple[str, int]) -> None:
    assert reach.address(server) == expected
