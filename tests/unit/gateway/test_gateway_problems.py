"""Failures as problem details; what was not raised on purpose shows nothing."""

import json

import pytest
from pydantic import BaseModel, ValidationError

from contex.errors import (
    CallerError,
    ContexError,
    DependencyAway,
    InvalidName,
    InvalidValue,
    LimitExceeded,
)
from gateway.problems import (
    FieldError,
    Problem,
    Refusal,
    invalid,
    malformed,
    not_found,
    of_error,
    of_status,
    unavailable,
)


@pytest.mark.parametrize(
    ("error", "status", "code", "fields"),
    [
        (InvalidName("wrong", field="project_id"), 422, "invalid-request", ["project_id"]),
        (InvalidValue("wrong", field="data"), 422, "invalid-request", ["data"]),
        (CallerError("wrong"), 422, "invalid-request", ["body"]),
        (LimitExceeded("large", field="data"), 413, "too-large", ["data"]),
        (LimitExceeded("large"), 413, "too-large", ["body"]),
        (DependencyAway("kafka-7.internal"), 503, "unavailable", []),
        (Refusal(not_found("no such agent")), 404, "not-found", []),
        (ContexError("internal"), 500, "internal", []),
        (RuntimeError("internal"), 500, "internal", []),
    ],
)
def test_an_error_has_its_status(
    error: Exception, status: int, code: str, fields: list[str]
) -> None:
    problem = of_error(error)
    assert (problem.status, problem.code) == (status, code)
    assert [one.field for one in problem.errors] == fields


@pytest.mark.parametrize("error", [DependencyAway("kafka-7.internal"), RuntimeError("internal")])
def test_nothing_internal_is_told(error: Exception) -> None:
    assert b"internal:" not in of_error(error).body(instance="/", request_id="r")
    assert b"kafka-7" not in of_error(error).body(instance="/", request_id="r")


def test_an_absent_dependency_asks_to_come_again() -> None:
    assert of_error(DependencyAway("away")).headers == {"Retry-After": "1"}
    assert unavailable("full", retry_after_s=5).headers == {"Retry-After": "5"}


def test_a_problem_has_the_standards_members() -> None:
    problem = malformed("the body is not JSON", line=2, column=7)
    said = json.loads(problem.body(instance="/api", request_id="r-1"))
    assert said == {
        "type": "urn:contex:problem:malformed-request",
        "title": "Malformed request",
        "status": 400,
        "detail": "the body is not JSON",
        "instance": "/api",
        "code": "malformed-request",
        "request_id": "r-1",
        "line": 2,
        "column": 7,
        "errors": [{"field": "body", "message": "the body is not JSON"}],
    }


def test_paths_into_a_request_read_as_its_sender_wrote_them() -> None:
    class Inner(BaseModel):
        number: int

    class Outer(BaseModel):
        inner: list[Inner]

    with pytest.raises(ValidationError) as caught:
        Outer.model_validate({"inner": [{"number": 1}, {"number": "x"}, 7]})
    assert [error.field for error in of_error(caught.value).errors] == [
        "inner[1].number",
        "inner[2]",
    ]


def test_a_field_is_named_once_in_the_detail() -> None:
    assert invalid(FieldError("data", "data is wrong")).detail == "data is wrong"
    assert invalid(FieldError("data", "is wrong")).detail == "data: is wrong"


@pytest.mark.parametrize("status", [400, 403, 404, 405, 408, 413, 415, 417, 431, 500])
def test_every_status_has_words(status: int) -> None:
    problem = of_status(status)
    assert problem.status == status
    assert problem.title
    assert problem.detail
    assert problem.code == problem.code.lower().replace(" ", "-")


def test_the_headers_of_a_status_are_kept() -> None:
    assert of_status(405, {"Allow": "POST"}).headers == {"Allow": "POST"}
    assert isinstance(of_status(404), Problem)


def test_a_wrong_method_or_path_is_told_where_to_look() -> None:
    detail = of_status(405, {"Allow": "DELETE,GET"}).detail
    assert detail == "the route does not answer this method, but DELETE, GET"
    assert "/docs and /openapi.json" in of_status(404).detail
