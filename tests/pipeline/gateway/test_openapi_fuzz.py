"""The whole product, fuzzed from its own document: nothing answers 5xx, nothing undocumented.

Bounded by cases and seeded, so that a run can be repeated. `FUZZ_CASES=2000 pytest ...` asks for a
longer one, `FUZZ_SEED` for another.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

from contex.local.stack import Stack, StackOptions
from gateway.openapi.document import problems_of
from gateway.openapi.operation import EVENT_STREAM
from gateway.openapi.problem import ProblemDetails
from gateway.routes import ROUTES

CASES = int(os.environ.get("FUZZ_CASES", "25"))
"""Per operation and phase."""
SEED = int(os.environ.get("FUZZ_SEED", "20261121"))
TIMEOUT_S = 400
REQUEST_TIMEOUT_S = 20
KEY = "fuzz-fuzz-fuzz-fuzz-fuzz"
AUTHORISED = {"Authorization": f"Bearer {KEY}"}

SEED_VALUE = {"project_id": "demo", "data_key": "team/oncall", "data": {"pager": "alice"}}
SEED_AGENT = {"agent_id": "helper", "project_id": "demo", "data_needs": ["who is on call"]}
LISTENER = {"agent_id": "listener", "project_id": "streams", "data_needs": ["who is on call"]}

STREAM = next(
    route
    for route in ROUTES
    if any(EVENT_STREAM in answer.content for answer in route.about.answers.values())
)
NOT_ASKED = {
    # A schema cannot say that text must be what its data_format names, or that a cursor was given.
    "positive_data_acceptance",
    # `/agents/register` takes a GET too: there may be an agent of that name.
    "allow_header_conformance",
}
CONFIGURATION = """
[[operations]]
# An item that is wrong fails alone: the batch that holds it is accepted.
include-operation-id = ["publishValues", "registerAgents"]
checks.negative_data_rejection.enabled = false
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    """A gateway with a key, its Kafka, index and workers, and one value and agent to be found."""
    environment = {
        "CONTEX_API_KEY": KEY,
        "CONTEX_EMBEDDER": "deterministic",
        "CONTEX_WEBHOOK_ALLOW": "",  # what is made up is delivered to nobody
    }
    options = StackOptions(folder, environment=environment)
    with Stack(options) as stack, httpx.Client(headers=AUTHORISED) as client:
        api = f"{stack.gateway_url}/api/v1"
        client.post(f"{api}/data/publish", json=SEED_VALUE).raise_for_status()
        client.post(f"{api}/agents/register", json=SEED_AGENT).raise_for_status()
        yield stack.gateway_url


def fuzz(location: str, folder: Path, *arguments: str) -> tuple[dict[str, Any], str]:
    """Run schemathesis and return its report and its words."""
    report = folder / "report.json"
    (folder / "schemathesis.toml").write_text(CONFIGURATION)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", location),
            *("--header", f"Authorization: {AUTHORISED['Authorization']}"),
            *("--seed", str(SEED), "--max-examples", str(CASES), "--continue-on-failure"),
            *("--request-timeout", str(REQUEST_TIMEOUT_S), "--report-json-path", str(report)),
            *("--exclude-checks", ",".join(sorted(NOT_ASKED))),
            *("--exclude-operation-id", STREAM.about.name),
            *arguments,
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert report.exists(), f"expected a report, got:\n{done.stdout}\n{done.stderr}"
    return json.loads(report.read_text()), done.stdout


def crashes(folder: Path) -> str:
    """Return the last bugs that the gateway has logged, which its answers do not show."""
    lines = (folder / "logs" / "gateway.log").read_text().splitlines()
    failed = [json.loads(line) for line in lines if '"http.failed"' in line]
    return "\n".join(line["exception"] for line in failed[-3:])


def test_no_answer_is_a_5xx_or_differs_from_the_document(
    url: str, folder: Path, tmp_path: Path, figure: Callable[[str], None]
) -> None:
    phases = "examples,coverage,fuzzing,stateful"
    document = tmp_path / "openapi.json"
    document.write_bytes(httpx.get(f"{url}/openapi.json").content)
    report, words = fuzz(str(document), tmp_path, "--url", url, "--phases", phases)
    cases, operations = report["test_cases"], report["operations"]

    assert report["failures"] == [], f"{words}\n{crashes(folder)}"
    assert (report["errors"], cases["errored"], operations["errored"]) == ([], 0, 0), words
    assert report["complete"], words
    assert operations["tested"] == len(ROUTES) - 1, words
    assert set(report["phases"]) == set(phases.split(",")), words
    assert all(phase["status"] == "success" for phase in report["phases"].values()), words
    accepted = {
        name: sum(phase["accepted"] for phase in rates.values())
        for name, rates in report["valid_rates"].items()
    }
    figure(
        f"{cases['generated']} cases over {operations['tested']} operations, seed {SEED}:"
        f" {len(report['failures'])} failures; {sum(accepted.values())} valid ones accepted"
    )


def test_a_document_that_lies_is_found_out(url: str, tmp_path: Path) -> None:
    """Shows that the run above can fail: each lie is one that it must see."""
    document = httpx.get(f"{url}/openapi.json").json()
    published = document["paths"]["/api/v1/data/publish"]["post"]["responses"]
    document["components"]["schemas"]["Accepted"]["properties"]["revision"] = {"type": "string"}
    published["202"]["headers"]["X-Never"] = {"required": True, "schema": {"type": "string"}}
    del published["422"]
    lying = tmp_path / "lying.json"
    lying.write_text(json.dumps(document))

    report, words = fuzz(
        str(lying),
        tmp_path,
        *("--url", url, "--include-operation-id", "publishValue"),
        *("--phases", "examples,coverage"),
    )

    found = {failure["type"] for failure in report["failures"]}
    assert found >= {"JsonSchemaError", "MissingHeaders", "UndefinedStatusCode"}, words


AGENTS = st.tuples(
    st.text(st.characters(codec="utf-8"), min_size=1), st.text(st.characters(codec="utf-8"))
)
KNOWN = st.just((LISTENER["agent_id"], LISTENER["project_id"]))
CURSORS = st.one_of(
    st.none(),
    st.from_regex(r"\A[0-9]{1,2}:[0-9]{1,20}\Z"),
    st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=80),
)


def test_a_stream_answers_as_its_document_says(url: str, figure: Callable[[str], None]) -> None:
    """The stream has no end, so it is cut after its first frame."""
    codes = problems_of(STREAM)
    seen: dict[int, int] = {}

    @seeded(SEED)
    @settings(
        max_examples=CASES * 4,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(agent=KNOWN | AGENTS, cursor=CURSORS, resumes=st.booleans())
    def ask(agent: tuple[str, str], cursor: str | None, resumes: bool) -> None:
        agent_id, project_id = agent
        path = f"/api/v1/agents/{quote(agent_id, safe='')}/updates"
        query, headers = {"project_id": project_id}, dict(AUTHORISED)
        if cursor is not None and resumes:
            headers["Last-Event-ID"] = cursor
        elif cursor is not None:
            query["cursor"] = cursor
        asked = client.build_request("GET", f"{url}{path}", params=query, headers=headers)
        answer = client.send(asked, stream=True)
        try:
            seen[answer.status_code] = seen.get(answer.status_code, 0) + 1
            if answer.status_code == 200:
                assert answer.headers["Content-Type"].startswith(EVENT_STREAM)
                assert next(answer.iter_lines()) == "retry: 1000"
            else:
                said = ProblemDetails.model_validate_json(answer.read())
                assert said.code in codes, f"{said.code} is not documented: {asked.url}"
                assert (said.status, answer.status_code < 500) == (answer.status_code, True), said
        finally:
            answer.close()

    with httpx.Client(timeout=REQUEST_TIMEOUT_S) as client:
        register = f"{url}/api/v1/agents/register"
        client.post(register, json=LISTENER, headers=AUTHORISED).raise_for_status()
        ask()
    figure(
        f"{sum(seen.values())} streams asked for, answers by status: {dict(sorted(seen.items()))}"
    )
    assert {200, 400, 422} <= set(seen), f"expected good and bad ones, got {seen}"
