"""What the routes of batches say of themselves."""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, RootModel

from gateway.about.agents import REGISTERED
from gateway.about.data import BODY_PROBLEMS
from gateway.about.headers import IDEMPOTENCY_KEY, IDEMPOTENCY_REPLAYED
from gateway.answers import BatchPublished, BatchRegistered
from gateway.codes import Code
from gateway.limits import BATCH_ITEMS_MAX
from gateway.models import PublishRequest, RegisterRequest
from gateway.openapi.operation import Answer, Operation, Tag

_Values = Annotated[list[PublishRequest], Field(min_length=1, max_length=BATCH_ITEMS_MAX)]
_Agents = Annotated[list[RegisterRequest], Field(min_length=1, max_length=BATCH_ITEMS_MAX)]


class ValueItems(BaseModel):
    """Values under a name."""

    model_config = ConfigDict(extra="forbid")

    items: _Values


class PublishBatch(RootModel[_Values | ValueItems]):
    """Values to publish; each is read for itself, so that a wrong one hurts no other."""


class AgentItems(BaseModel):
    """Agents under a name."""

    model_config = ConfigDict(extra="forbid")

    items: _Agents


class RegisterBatch(RootModel[_Agents | AgentItems]):
    """Agents to register; each is read for itself, so that a wrong one hurts no other."""


_PROBLEMS: Final = (*BODY_PROBLEMS, Code.IDEMPOTENCY_KEY_REUSED)
_FAILED: Final = {
    "status": "failed",
    "project_id": "demo",
    "data_key": "",
    "error": {
        "code": "invalid-request",
        "detail": "data_key: must have 1 to 512 bytes, got 0",
        "errors": [{"field": "data_key", "message": "must have 1 to 512 bytes, got 0"}],
    },
}
_COUNTS: Final = {"status": "completed", "duration_ms": 3.2}

PUBLISH: Final = Operation(
    name="publishValues",
    summary="Publish up to 500 values",
    description=(
        "Each item is answered for itself, in the order of the request; those that are wrong hurt"
        " no other. Items of one key are published in their order."
    ),
    tag=Tag.VALUES,
    body=PublishBatch,
    reads=(IDEMPOTENCY_KEY,),
    answers={
        200: Answer.of(
            BatchPublished,
            "Every item is in Kafka, on all in-sync replicas, or has failed and says why.",
            headers=(IDEMPOTENCY_REPLAYED,),
            examples={
                "one of two": {
                    **_COUNTS,
                    "total": 2,
                    "successful": 1,
                    "failed": 1,
                    "results": [
                        {
                            "status": "success",
                            "project_id": "demo",
                            "data_key": "team/on-call",
                            "sequence": "7",
                            "revision": 7,
                            "event_id": "6f1c0a9e-6a51-4d3b-9b5a-6d2f4f2f8f10",
                        },
                        _FAILED,
                    ],
                }
            },
        )
    },
    problems=_PROBLEMS,
    examples={
        "two": [
            {"project_id": "demo", "data_key": "team/on-call", "data": {"pager": "alice"}},
            {"project_id": "demo", "data_key": "tech_stack", "data": {"cache": "Valkey"}},
        ]
    },
)

REGISTER: Final = Operation(
    name="registerAgents",
    summary="Register up to 500 agents",
    description="Each item is answered for itself, in the order of the request.",
    tag=Tag.AGENTS,
    body=RegisterBatch,
    reads=(IDEMPOTENCY_KEY,),
    answers={
        200: Answer.of(
            BatchRegistered,
            "Every item is in Kafka, on all in-sync replicas, or has failed and says why.",
            headers=(IDEMPOTENCY_REPLAYED,),
            examples={
                "one": {
                    **_COUNTS,
                    "total": 1,
                    "successful": 1,
                    "failed": 0,
                    "results": [{**REGISTERED, "status": "success"}],
                }
            },
        )
    },
    problems=_PROBLEMS,
    examples={
        "one": [{"agent_id": "helper", "project_id": "demo", "data_needs": ["who is on call"]}]
    },
)
