"""Requests, field by field, without HTTP."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contex.records.registration import THRESHOLD_DEFAULT, TOKEN_BUDGET_DEFAULT
from gateway.models import AgentsQuery, PublishRequest, RegisterRequest, ValueQuery
from gateway.problems import of_error

VALUE = {"project_id": "p", "data_key": "k", "data": 1}
AGENT = {"project_id": "p", "agent_id": "a", "data_needs": ["x"]}
HOOK = {"notification_method": "webhook", "webhook_url": "https://example.com"}


def wrong_fields(model: type[RegisterRequest | PublishRequest], said: object) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(said)
    return [error.field for error in of_error(caught.value).errors]


def test_a_need_may_be_a_string_or_say_its_threshold() -> None:
    needs = RegisterRequest.model_validate(
        {**AGENT, "data_needs": ["plain", {"text": "strict", "threshold": 0.9}]}
    ).data_needs
    assert [(need.text, need.threshold) for need in needs] == [
        ("plain", THRESHOLD_DEFAULT),
        ("strict", 0.9),
    ]


def test_defaults_are_the_librarys() -> None:
    request = RegisterRequest.model_validate(AGENT)
    assert (request.notification_method, request.token_budget) == ("sse", TOKEN_BUDGET_DEFAULT)
    assert (request.webhook_url, request.webhook_secret) == (None, None)


def test_null_is_a_value_and_absence_is_not() -> None:
    assert PublishRequest.model_validate({**VALUE, "data": None}).data is None
    assert wrong_fields(PublishRequest, {"project_id": "p", "data_key": "k"}) == ["data"]


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan"), float("inf"), "0.5", True, None])
def test_a_threshold_is_a_number_from_0_to_1(threshold: object) -> None:
    said = {**AGENT, "data_needs": [{"text": "x", "threshold": threshold}]}
    assert wrong_fields(RegisterRequest, said) == ["data_needs[0].threshold"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"notification_method": "webhook"}, "webhook_url"),
        ({"notification_method": "sse", "webhook_url": "https://e.x"}, "webhook_url"),
        ({"notification_method": "kafka", "webhook_secret": "whsec_"}, "webhook_secret"),
        ({"notification_method": "redis"}, "notification_method"),
        ({**HOOK, "webhook_url": "https://e.x/" + "x" * 2_048}, "webhook_url"),
        ({"token_budget": 1.5}, "token_budget"),
        ({"token_budget": True}, "token_budget"),
        ({"response_format": "json"}, "response_format"),
    ],
)
def test_what_contradicts_the_rest_is_named(change: dict[str, object], field: str) -> None:
    assert wrong_fields(RegisterRequest, {**AGENT, **change}) == [field]


def test_redis_is_refused_with_what_to_use_instead() -> None:
    with pytest.raises(ValidationError) as caught:
        RegisterRequest.model_validate({**AGENT, "notification_method": "redis"})
    (error,) = of_error(caught.value).errors
    assert "sse" in error.message
    assert "webhook" in error.message


def test_a_secret_does_not_show_in_a_request_that_is_printed() -> None:
    request = RegisterRequest.model_validate({**AGENT, **HOOK, "webhook_secret": "whsec_hush"})
    assert "whsec_hush" not in repr(request)


@pytest.mark.parametrize("revision", ["-1", "9223372036854775808", "1.5", "", "x"])
def test_a_revision_is_an_offset(revision: str) -> None:
    with pytest.raises(ValidationError):
        ValueQuery.model_validate({"revision": revision})


@pytest.mark.parametrize("limit", ["0", "1001", "ten"])
def test_a_page_has_bounds(limit: str) -> None:
    with pytest.raises(ValidationError):
        AgentsQuery.model_validate({"limit": limit})


@given(st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_anything_that_is_no_request_is_refused_and_never_crashes(said: object) -> None:
    for model in (PublishRequest, RegisterRequest):
        with pytest.raises(ValidationError):
            model.model_validate(said)
