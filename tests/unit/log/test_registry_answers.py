"""What a registry may answer, and what it means; over a server that says what it is told."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from contex.errors import DependencyAway, InvalidRecord
from contex.log.registry import AWAY_TTL_S, UNKNOWN_ID_TTL_S, RegistrySchemas, SchemaRefused

SCHEMA = b'{"schema": "{\\"type\\": \\"record\\", \\"name\\": \\"A\\", \\"fields\\": []}"}'


class Told(ThreadingHTTPServer):
    """Answers every request with the same status and body, and notes the requests."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status = 200
        self.body = b"{}"
        self.seen: list[str] = []
        self.authorization: str | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Told

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.seen.append(f"{self.command} {self.path}")
        self.server.authorization = self.headers.get("Authorization")
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def __getattr__(self, name: str) -> Callable[[], None]:
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Told]:
    with Told() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_only_the_registrys_own_404_makes_an_id_unknown(server: Told) -> None:
    server.status, server.body = 404, b"<html>no such page</html>"
    with pytest.raises(DependencyAway, match="404"):
        RegistrySchemas(server.url).schema(5)
    server.body = b'{"error_code": 40403, "message": "Schema 5 not found"}'
    with pytest.raises(InvalidRecord):
        RegistrySchemas(server.url).schema(5)


def test_an_unknown_id_is_not_asked_for_again_for_a_while(server: Told) -> None:
    now_s = 100.0
    source = RegistrySchemas(server.url, clock_s=lambda: now_s)
    server.status, server.body = 404, b'{"error_code": 40403}'
    for _ in range(3):
        with pytest.raises(InvalidRecord):
            source.schema(5)
    assert server.seen == ["GET /schemas/ids/5"]
    now_s += UNKNOWN_ID_TTL_S
    server.status, server.body = 200, SCHEMA
    assert source.schema(5).name == "A"
    assert source.schema(5).name == "A"
    assert len(server.seen) == 2


def test_a_registry_that_is_away_is_asked_once_in_a_burst_and_soon_again(server: Told) -> None:
    now_s = 100.0
    source = RegistrySchemas(server.url, clock_s=lambda: now_s)
    server.body = SCHEMA
    assert source.schema(4).name == "A"
    server.status = 503
    for schema_id in (5, 5, 6, 7):
        with pytest.raises(DependencyAway, match="registry failed"):
            source.schema(schema_id)
    assert server.seen == ["GET /schemas/ids/4", "GET /schemas/ids/5"]
    assert source.schema(4).name == "A", "expected what is known to stay readable"
    now_s += AWAY_TTL_S
    server.status = 200
    assert source.schema(5).name == "A"
    assert source.schema(6).name == "A"


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
def test_refusals_and_failures_are_a_dependency_away(server: Told, status: int) -> None:
    server.status = status
    source = RegistrySchemas(server.url)
    with pytest.raises(DependencyAway):
        source.schema(5)
    with pytest.raises(DependencyAway):
        source.id_for("t", "publication")


@pytest.mark.parametrize("body", [b"", b"[", b"<html>"])
def test_an_answer_that_is_no_json_is_a_dependency_away(server: Told, body: bytes) -> None:
    server.body = body
    with pytest.raises(DependencyAway):
        RegistrySchemas(server.url).schema(5)


@pytest.mark.parametrize("status", [409, 422])
def test_a_refused_schema_is_our_bug(server: Told, status: int) -> None:
    server.status, server.body = status, b'{"error_code": 409, "message": "incompatible"}'
    with pytest.raises(SchemaRefused, match="incompatible"):
        RegistrySchemas(server.url).id_for("t", "publication")


def test_a_registry_that_does_not_take_a_compatibility_is_used_as_it_is(server: Told) -> None:
    source = RegistrySchemas(server.url)
    server.status = 405
    with pytest.raises(DependencyAway):  # the registration that follows meets the same answer
        source.register({"publication": "a topic/1"})
    assert server.seen == [
        "PUT /config/a%20topic%2F1-value",
        "POST /subjects/a%20topic%2F1-value/versions",
    ]


def test_credentials_of_the_url_are_sent_and_not_part_of_it(server: Told) -> None:
    server.body = b'{"id": 3}'
    source = RegistrySchemas(server.url.replace("//", "//user:p%40ss@"))
    assert source.id_for("t", "publication") == 3
    assert server.authorization == "Basic dXNlcjpwQHNz"


def test_a_url_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="SCHEMA_REGISTRY_URL"):
        RegistrySchemas("file:///etc/passwd")


def test_a_registry_that_is_away_is_named_without_its_password(server: Told) -> None:
    port = server.server_port
    server.shutdown()
    server.server_close()

    with pytest.raises(DependencyAway) as away:
        RegistrySchemas(f"http://me:s3cret@127.0.0.1:{port}").schema(5)

    assert str(away.value).startswith(f"the schema registry at http://127.0.0.1:{port} does not")
    assert "urlopen" not in str(away.value)
    assert "s3cret" not in str(away.value)
