"""A gateway made of canned answers, and the command line run against it in this process."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from contex.cli.main import main
from contex.client import blocking

URL = "http://gateway.test"
Answer = httpx.Response | Callable[[httpx.Request], httpx.Response]


def problem(status: int, code: str, detail: str, **extra: object) -> httpx.Response:
    members = {"status": status, "code": code, "detail": detail, "request_id": "r1", **extra}
    return httpx.Response(status, json=members)


def update(kind: str, *items: Mapping[str, object], offset: int = 1) -> str:
    """Return an update as a server-sent event."""
    data = {
        "update_id": f"u{offset}",
        "tenant": "default",
        "project_id": "demo",
        "agent_id": "ada",
        "kind": kind,
        "epoch": 3,
        "cause": {"topic": "t", "partition": 0, "offset": offset},
        "items": list(items),
        "omitted": [],
        "omitted_total": 0,
    }
    told = {"type": f"context.{kind}", "timestamp": "2026-11-21T09:08:28.939Z", "data": data}
    return f"id: 3:{offset}\nevent: {kind}\ndata: {json.dumps(told)}\n\n"


def item(data_key: str, revision: int, data: object = None, **more: object) -> dict[str, object]:
    needs = [{"need": "databases", "score": 0.71, "threshold": 0.34}] if data is not None else []
    return {
        "data_key": data_key,
        "revision": revision,
        "score": 0.71,
        "needs": needs,
        "data": data,
        "content_type": "application/json",
        "metadata": {},
        "reference": None,
        "tokens": 5,
        **more,
    }


@dataclass
class FakeGateway:
    """Answers by method and path, and remembers what it was asked."""

    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[httpx.Request] = field(default_factory=list)
    revision: int = 0

    def handle(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.asked.append(request)
        name = f"{request.method} {request.url.path.removeprefix('/api/v1')}"
        answer = self.answers.get(name)
        if answer is None and name == "POST /data/publish":
            return httpx.Response(202, json=self.accepted(json.loads(request.content)))
        if answer is None and name == "POST /batch/publish":
            return self._batch(request)
        assert answer is not None, f"expected one of {sorted(self.answers)}, got {name}"
        return answer if isinstance(answer, httpx.Response) else answer(request)

    def accepted(self, wanted: Mapping[str, Any]) -> dict[str, object]:
        self.revision += 1
        return {
            "status": "published",
            "project_id": wanted["project_id"],
            "data_key": wanted["data_key"],
            "revision": self.revision,
            "sequence": str(self.revision),
            "event_id": f"e{self.revision}",
        }

    def _batch(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        items = body["items"] if isinstance(body, dict) else body
        results = [
            {"status": "failed", "project_id": "demo", "data_key": one["data_key"],
             "error": {"code": "invalid-request", "detail": "data is no YAML", "errors": []}}
            if one["data"] == "bad: [" else {**self.accepted(one), "status": "success"}
            for one in items
        ]  # fmt: skip
        return httpx.Response(200, json={"status": "completed", "results": results})

    def bodies(self) -> list[Any]:
        return [json.loads(request.content) for request in self.asked if request.content]

    def values(self) -> dict[str, dict[str, Any]]:
        """Return every value that was sent, by key."""
        found: dict[str, dict[str, Any]] = {}
        for body in self.bodies():
            items = body if isinstance(body, list) else body.get("items", [body])
            found |= {one["data_key"]: one for one in items}
        return found


@dataclass(frozen=True)
class CommandLine:
    """The command line, with a gateway that is not there."""

    gateway: FakeGateway
    runner: CliRunner

    def __call__(self, *arguments: str, stdin: str | bytes | None = None, **env: str) -> Result:
        known = {"CONTEX_URL": URL, "CONTEX_PROJECT": "demo", "CONTEX_API_KEY": None, **env}
        return self.runner.invoke(main, arguments, input=stdin, env=known)


def command_line(monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    fake = FakeGateway()
    transport = httpx.MockTransport(fake.handle)
    client = partial(blocking.Contex, transport=transport, retries_max=0)
    monkeypatch.setattr(blocking, "Contex", client)
    return CommandLine(fake, CliRunner())
