"""Downloads, against a small repository served here: whole, cut short, forged, absent."""

import hashlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from contex.local.errors import DownloadFailed
from contex.local.jars import Jar, fetch, missing, parse, pinned

CONTENT = b"jar" * 100_000


class Repository:
    """Serves jars by path; `cut_at` ends an answer early."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.cut_at: int | None = None
        self.requests: list[str] = []
        repository = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                repository.requests.append(self.path)
                content = repository.files.get(self.path.lstrip("/"))
                if content is None:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[: repository.cut_at])

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its parent's
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def jar(self, name: str, content: bytes = CONTENT) -> Jar:
        jar = Jar("org.example", name, "1.0", hashlib.sha256(content).hexdigest(), len(content))
        self.files[jar.path] = content
        return jar


@pytest.fixture
def repository() -> Iterator[Repository]:
    repository = Repository()
    thread = threading.Thread(target=repository.server.serve_forever, args=(0.01,))
    thread.start()
    yield repository
    repository.server.shutdown()
    repository.server.server_close()
    thread.join()


def test_what_is_missing_is_fetched_with_progress_and_only_once(
    repository: Repository, tmp_path: Path
) -> None:
    jars = [repository.jar("one"), repository.jar("two")]
    told: list[tuple[int, int]] = []
    for _ in range(2):
        paths = fetch(
            jars,
            tmp_path,
            repository=repository.url,
            progress=lambda done, total: told.append((done, total)),
        )
    assert [path.read_bytes() for path in paths] == [CONTENT, CONTENT]
    assert told[-1] == (2 * len(CONTENT), 2 * len(CONTENT))
    assert sorted(repository.requests) == sorted(f"/{jar.path}" for jar in jars)


def test_those_who_come_at_once_fetch_it_once(repository: Repository, tmp_path: Path) -> None:
    jars = [repository.jar(name) for name in ("one", "two")]
    with ThreadPoolExecutor(4) as pool:
        fetched = [
            pool.submit(fetch, jars, tmp_path / "cache", repository=repository.url)
            for _ in range(4)
        ]
    assert [len(one.result()) for one in fetched] == [2, 2, 2, 2]
    assert sorted(repository.requests) == sorted(f"/{jar.path}" for jar in jars)


def test_an_interrupted_download_is_kept_out_of_the_cache_and_done_again(
    repository: Repository, tmp_path: Path
) -> None:
    jar = repository.jar("one")
    repository.cut_at = 1_000
    with pytest.raises(DownloadFailed, match=f"expected {jar.size_bytes} bytes") as raised:
        fetch([jar], tmp_path, repository=repository.url)
    assert "run the same command again" in raised.value.advice
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]

    repository.cut_at = None
    assert fetch([jar], tmp_path, repository=repository.url)[0].read_bytes() == CONTENT


def test_a_forged_jar_of_the_right_size_is_refused(repository: Repository, tmp_path: Path) -> None:
    jar = repository.jar("one")
    repository.files[jar.path] = b"BAD" * 100_000
    with pytest.raises(DownloadFailed, match="SHA-256"):
        fetch([jar], tmp_path, repository=repository.url)
    assert missing([jar], tmp_path) == [jar]


def test_an_absent_jar_is_named_and_the_others_are_kept(
    repository: Repository, tmp_path: Path
) -> None:
    kept, absent = repository.jar("kept"), repository.jar("absent")
    del repository.files[absent.path]
    with pytest.raises(DownloadFailed, match=r"absent-1\.0\.jar: HTTP Error 404"):
        fetch([kept, absent], tmp_path, repository=repository.url)
    assert missing([kept, absent], tmp_path) == [absent]


def test_a_repository_that_is_away_is_told(tmp_path: Path) -> None:
    jar = Jar("org.example", "one", "1.0", "0" * 64, 3)
    with pytest.raises(DownloadFailed, match="Connection refused"):
        fetch([jar], tmp_path, repository="http://127.0.0.1:9")


def test_the_pinned_list_is_whole() -> None:
    jars = pinned()
    names = {jar.artifact for jar in jars}
    assert {"kafka_2.13", "kafka-clients", "slf4j-simple"} <= names
    assert len(names) == len(jars), "expected each artifact once"
    assert {len(jar.sha256) for jar in jars} == {64}


def test_a_list_may_have_comments() -> None:
    assert parse("# said\n\na.b:c:1 ff 3  # why\n") == (Jar("a.b", "c", "1", "ff", 3),)
