"""What crosses from process to process: errors and updates do whole, connections must not."""

import copy
import json
import pickle
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from contex.client import (
    Contex,
    ContexClientError,
    Disconnected,
    NotFetched,
    NotFound,
    Published,
    Unavailable,
)

FORKING = """
import os, sys
from contex import Contex
contex = Contex(sys.argv[1], project="p", retries_max=0)
contex.publish("parent", 1)
child = os.fork()
if child == 0:
    contex.publish("child", 1)
    contex.close()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
contex.publish("parent", 2)
"""


def test_a_fork_uses_connections_of_its_own() -> None:
    ports: dict[str, set[int]] = {"parent": set(), "child": set()}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            key = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["data_key"]
            ports[key].add(self.client_address[1])
            body = json.dumps({"project_id": "p", "data_key": key, "revision": 1}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        subprocess.run([sys.executable, "-c", FORKING, url], check=True, timeout=60)
        server.shutdown()
    assert len(ports["parent"]) == len(ports["child"]) == 1
    assert ports["parent"].isdisjoint(ports["child"])


@pytest.mark.parametrize(
    "error",
    [
        NotFound("no such agent", status=404, code="not-found", request_id="r"),
        Disconnected("nobody there", next_step="Wait."),
        Unavailable("full", status=429, retry_after_s=3.0),
    ],
)
def test_an_error_is_the_same_in_another_process(error: ContexClientError) -> None:
    error.answered = (Published("p", "k", 7, "e"),)
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(again) is type(error)
        assert (str(again), vars(again)) == (str(error), vars(error))


def test_a_value_crosses_without_its_client() -> None:
    known = {"data_key": "k", "revision": 1, "data": {"x": 1}}
    referred = {"data_key": "big", "revision": 1, "data": None, "reference": "/there"}
    answer = httpx.Response(200, json={"matches": [known, referred]})
    with Contex("http://g", project="p", transport=httpx.MockTransport(lambda _: answer)) as client:
        found = client.query("q")
        for again in (pickle.loads(pickle.dumps(found)), copy.deepcopy(found)):
            assert again == found
            assert again.matches[0].data == {"x": 1}
            with pytest.raises(NotFetched):
                _ = again.matches[1].data
