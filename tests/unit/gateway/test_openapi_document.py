"""The document is OpenAPI, is what is committed, and says what the gateway does."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from click.testing import CliRunner
from schemathesis.specs.openapi.definitions import OPENAPI_31

from contex.records.names import AgentKey, Scope
from contex.records.rendering import update_json
from contex.records.update import Cause, Item, MatchedNeed, Omitted, Update, UpdateKind, update_id
from contex.text.media import DATA_FORMATS
from gateway.about.updates import STREAM, UpdateEvent
from gateway.codes import MEANINGS, Code
from gateway.commands import openapi
from gateway.identity import Permission
from gateway.openapi.document import document, problems_of, render
from gateway.openapi.operation import JSON
from gateway.openapi.problem import EXAMPLES, ProblemDetails
from gateway.problems import FieldError, invalid, malformed
from gateway.routes import ROUTES, Route

ROOT = Path(__file__).resolve().parents[3]
COMMITTED = ROOT / "docs" / "openapi.json"
DOCUMENT = document(ROUTES)

REQUESTS = [
    "PublishRequest", "RegisterRequest", "ChangeRequest", "NeedRequest", "ExclusionRequest",
    "QueryRequest", "WeightsRequest",
]  # fmt: skip

AGENT = AgentKey(Scope("t", "p"), "a")
CAUSE = Cause("contex.publications", 3, 7)


def by_name(route: Route) -> str:
    return route.about.name


def references(said: Any) -> list[str]:
    if isinstance(said, dict):
        found = [one for each in said.values() for one in references(each)]
        return [*found, said["$ref"]] if isinstance(said.get("$ref"), str) else found
    return [one for each in said for one in references(each)] if isinstance(said, list) else []


def resolved(reference: str) -> Any:
    said: Any = DOCUMENT
    for step in reference.removeprefix("#/").split("/"):
        said = said[step]
    return said


def test_the_document_is_openapi_3_1() -> None:
    errors = [
        f"{list(error.instance_path)}: {error.message}"
        for error in jsonschema_rs.Draft202012Validator(OPENAPI_31).iter_errors(DOCUMENT)
    ]
    assert errors == []


def test_every_schema_is_json_schema_2020_12() -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        jsonschema_rs.Draft202012Validator({**schema, "components": DOCUMENT["components"]})
        assert jsonschema_rs.meta.is_valid(schema), name


def test_every_reference_resolves_and_every_component_is_referred_to() -> None:
    found = references(DOCUMENT)
    for reference in found:
        assert resolved(reference), reference
    there = {
        f"#/components/{section}/{name}"
        for section, members in DOCUMENT["components"].items()
        if section != "securitySchemes"
        for name in members
    }
    assert there <= set(found), f"nothing refers to {sorted(there - set(found))}"


def test_the_committed_document_is_this_one() -> None:
    expected = render(DOCUMENT)
    assert COMMITTED.read_text(encoding="utf-8") == expected, (
        "docs/openapi.json is out of date; run: contex openapi --output docs/openapi.json"
    )


def test_the_command_prints_writes_and_checks(tmp_path: Path) -> None:
    run, path = CliRunner().invoke, tmp_path / "openapi.json"
    assert json.loads(run(openapi).output) == DOCUMENT
    absent = run(openapi, ["--check", "--output", str(path)])
    assert (absent.exit_code, "is not there" in absent.stderr) == (1, True)
    assert run(openapi, ["--output", str(path)]).exit_code == 0
    assert run(openapi, ["--check", "--output", str(path)]).exit_code == 0
    path.write_text(path.read_text().replace("3.1.0", "3.1.1"))
    stale = run(openapi, ["--check", "--output", str(path)])
    assert (stale.exit_code, "contex openapi --output" in stale.stderr) == (1, True)


@pytest.mark.parametrize("route", ROUTES, ids=by_name)
def test_a_route_is_in_the_document(route: Route) -> None:
    path = re.sub(r":[^{}]+\}", "}", route.path)
    said = DOCUMENT["paths"][path][route.method.lower()]
    assert said["operationId"] == route.about.name
    statuses = {str(status) for status in route.about.answers}
    assert set(said["responses"]) == statuses | {
        str(MEANINGS[code].status) for code in problems_of(route)
    }
    in_path = {one["name"] for one in said["parameters"] if one.get("in") == "path"}
    assert in_path == set(re.findall(r"\{(\w+)\}", path))


@pytest.mark.parametrize("route", ROUTES, ids=by_name)
def test_whatever_may_be_said_is_described(route: Route) -> None:
    path = re.sub(r":[^{}]+\}", "}", route.path)
    said = DOCUMENT["paths"][path][route.method.lower()]
    parameters = {one["name"]: one for one in said["parameters"] if "name" in one}
    assert [name for name, one in parameters.items() if not one.get("description")] == []


@pytest.mark.parametrize("name", [*REQUESTS, "ProblemDetails", "OffendingField"])
def test_every_field_of_a_request_is_described(name: str) -> None:
    properties = DOCUMENT["components"]["schemas"][name]["properties"]
    assert [field for field, one in properties.items() if not one.get("description")] == []


@pytest.mark.parametrize("code", Code)
def test_the_example_of_a_failure_is_one(code: Code) -> None:
    problem = EXAMPLES[code]
    assert (problem.code, problem.status) == (code, MEANINGS[code].status)
    ProblemDetails.model_validate_json(problem.body(instance="/x", request_id="r"))


def test_a_failure_is_one_class_in_a_generated_client() -> None:
    forms = [
        body["schema"]
        for response in DOCUMENT["components"]["responses"].values()
        for body in response["content"].values()
    ]
    assert all(form == {"$ref": "#/components/schemas/ProblemDetails"} for form in forms)


def test_every_operation_answers_in_a_type_that_generated_clients_know() -> None:
    for route in ROUTES:
        for status, answer in route.about.answers.items():
            assert not answer.content or set(answer.content) - {"*/*"}, (route.about.name, status)


def test_the_names_of_formats_are_those_of_the_page() -> None:
    said = DOCUMENT["components"]["schemas"]["PublishRequest"]["properties"]["data_format"]
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    assert re.findall(r"`(\w+)`", said["description"])[1:] == list(DATA_FORMATS)
    assert f"One of `{' '.join(DATA_FORMATS)}`" in page


def test_an_operation_is_named_once() -> None:
    names = [route.about.name for route in ROUTES]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z][A-Za-z]+", name) for name in names)


@pytest.mark.parametrize("route", ROUTES, ids=by_name)
def test_the_examples_are_what_the_models_accept(route: Route) -> None:
    about = route.about
    if about.body is not None:
        assert about.examples, f"{about.name} reads a body and shows none"
        for example in about.examples.values():
            about.body.model_validate(example)
    for status, answer in about.answers.items():
        model = answer.content.get(JSON)
        if model is not None:
            assert answer.examples, f"{about.name} answers {status} and shows no example"
            for example in answer.examples.values():
                model.model_validate(example)


@pytest.mark.parametrize("route", ROUTES, ids=by_name)
def test_only_public_routes_ask_for_no_key(route: Route) -> None:
    path = re.sub(r":[^{}]+\}", "}", route.path)
    said = DOCUMENT["paths"][path][route.method.lower()]
    public = route.permission is Permission.PUBLIC
    assert ("security" in said, "401" in said["responses"]) == (public, not public)


def test_the_key_is_optional_only_where_none_is_set() -> None:
    assert {} in DOCUMENT["security"]
    assert {} not in document(ROUTES, key_required=True)["security"]


def test_every_code_has_a_meaning() -> None:
    assert set(MEANINGS) == set(Code)
    for code in Code:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", code), code


def test_the_page_on_errors_has_every_code_and_no_other() -> None:
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| [0-9, ]+ \| ([^|]+) \|", page.partition("## Errors")[2], re.MULTILINE)
    told = {code for row in rows for code in re.findall(r"`([a-z-]+)`", row)}
    assert told == set(Code) - {Code.FORBIDDEN}  # the one identity there is may do everything


def test_what_problems_say_is_what_the_document_says() -> None:
    for problem in (invalid(FieldError("a.b", "is wrong")), malformed("no JSON", line=1, column=2)):
        said = ProblemDetails.model_validate_json(problem.body(instance="/x", request_id="r"))
        assert said.code == Code(problem.code)
        assert MEANINGS[Code(said.code)].status == said.status


@pytest.mark.parametrize("kind", UpdateKind)
def test_an_update_is_told_as_the_document_says(kind: UpdateKind) -> None:
    update = Update(
        update_id(CAUSE, AGENT),
        kind,
        AGENT,
        4,
        CAUSE,
        1_767_225_600_000,
        items=(
            Item(
                "k", 7, (MatchedNeed("n", 0.5, 0.34),), b'{"a":1}', "application/json", {"l": "x"}
            ),
            Item("b", 8, content=b"\xff"),
            Item("r", 9, reference="/api/v1/projects/p/data/r?revision=9"),
        ),
        omitted=(Omitted("o", 1, 0.4, 9),),
        omitted_total=3,
    )
    said = update_json(update)
    read = UpdateEvent.model_validate(said)
    assert read.model_dump(mode="json", exclude_unset=True) == said


def test_the_streams_example_is_an_event() -> None:
    (example,) = STREAM.answers[200].examples.values()
    _, _, data = str(example).rstrip("\n").partition("\ndata: ")
    event = UpdateEvent.model_validate_json(data)
    assert event.model_dump(mode="json", exclude_unset=True) == json.loads(data)
