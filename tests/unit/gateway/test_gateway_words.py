"""What is wrong with a field, in words of the wire; what an unknown one may have meant."""

from typing import Any

import pytest
from pydantic import BaseModel

from gateway.asking.models import QueryRequest
from gateway.models import AgentsQuery, PublishRequest, RegisterRequest
from gateway.problems import Refusal, validated

AGENT = {"agent_id": "a", "project_id": "p", "data_needs": ["x"]}
TIME = "must be a time in RFC 3339, such as '2026-11-21T09:00:00Z'"


def wrong(model: type[BaseModel], said: object) -> dict[str, str]:
    with pytest.raises(Refusal) as raised:
        validated(model, said)
    assert raised.value.problem.status == 422
    return {error.field: error.message for error in raised.value.problem.errors}


def test_an_unknown_field_is_told_what_it_may_have_meant() -> None:
    assert wrong(PublishRequest, {"project": "p", "key": "k", "data": 1, "zzz": 1}) == {
        "project_id": "is required",
        "data_key": "is required",
        "project": "unknown field; did you mean project_id?",
        "key": "unknown field; did you mean data_key?",
        "zzz": "unknown field",
    }


def test_an_unknown_field_further_in_is_told_of_its_own_siblings() -> None:
    needs = [{"text": "x", "treshold": 1, "exclusions": [{"text": "y", "txt": "z"}]}]
    assert wrong(RegisterRequest, {**AGENT, "data_needs": needs}) == {
        "data_needs[0].treshold": "unknown field; did you mean threshold?",
        "data_needs[0].exclusions[0].txt": "unknown field; did you mean text?",
    }
    assert wrong(QueryRequest, {"query": "x", "weights": {"lexcal": 1}}) == {
        "weights.lexcal": "unknown field; did you mean lexical?"
    }


@pytest.mark.parametrize("name", ["", "x" * 129])
def test_a_label_is_told_that_its_name_is_wrong_and_not_what_it_says(name: str) -> None:
    said = {"project_id": "p", "data_key": "k", "data": 1, "metadata": {name: "x", "fine": "y"}}
    found = wrong(PublishRequest, said)
    assert list(found) == ["metadata"]
    assert found["metadata"].startswith("each name must have at ")


@pytest.mark.parametrize("said", [7, "text", [], None])
def test_a_body_that_is_no_object_is_told_so(said: object) -> None:
    assert wrong(PublishRequest, said) == {"body": "must be a JSON object"}


@pytest.mark.parametrize(
    ("field", "said", "told"),
    [
        ("data_needs", [], "must have at least 1 item, got 0"),
        ("data_needs", ["x"] * 101, "must have at most 100 items"),
        ("data_needs", "x", "must be a JSON array"),
        ("data_needs[0]", [7], "must be a text or a JSON object"),
        ("data_needs[0].text", [""], "must have at least 1 character"),
        ("data_needs[0].text", ["x" * 2001], "must have at most 2,000 characters"),
        ("data_needs[0].threshold", [{"text": "x", "threshold": 2}], "must be at most 1"),
        ("data_needs[0].threshold", [{"text": "x", "threshold": "1"}], "must be a number"),
        ("data_needs[0].filters", [{"text": "x", "filters": 7}], "must be a JSON object"),
        (
            "data_needs[0].filters",
            [{"text": "x", "filters": {"": "y"}}],
            "each name must have at least 1 character",
        ),
        (
            "data_needs[0].filters.lang",
            [{"text": "x", "filters": {"lang": 7}}],
            "must be a text or a JSON array",
        ),
        (
            "data_needs[0].exclusions[0].text",
            [{"text": "x", "exclusions": [" "]}],
            "must say something",
        ),
        ("agent_id", 7, "must be a text"),
        ("token_budget", "5", "must be a whole number"),
        ("token_budget", 0, "must be at least 1"),
        ("notification_method", "mail", "must be 'sse', 'kafka' or 'webhook'"),
    ],
)
def test_a_registration_is_told_what_is_wrong(field: str, said: Any, told: str) -> None:
    assert wrong(RegisterRequest, {**AGENT, field.partition("[")[0]: said}) == {field: told}


@pytest.mark.parametrize(
    ("field", "said", "told"),
    [
        ("published_after", "yesterday", TIME),
        ("published_after", "2026-11-21", TIME),
        ("published_after", "2026-11-21T09:00:00", TIME),
        ("published_after", 7, TIME),
        ("mode", "best", "must be 'dense', 'lexical' or 'hybrid'"),
        ("include_data", "yes", "must be true or false"),
        ("top_k", 1.5, "must be a whole number"),
        ("threshold", float("nan"), "must be a finite number"),
        ("weights", 7, "must be a JSON object"),
    ],
)
def test_a_query_is_told_what_is_wrong(field: str, said: Any, told: str) -> None:
    assert wrong(QueryRequest, {"query": "x", field: said}) == {field: told}


def test_a_query_string_is_told_what_is_wrong() -> None:
    assert wrong(AgentsQuery, {"limit": "many", "project": "p", "cursr": ""}) == {
        "limit": "must be a whole number",
        "project": "unknown query parameter; did you mean project_id?",
        "cursr": "unknown query parameter; did you mean cursor?",
    }
