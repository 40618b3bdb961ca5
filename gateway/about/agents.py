"""What the routes of agents say of themselves."""

from typing import Final

from pydantic import Field

from gateway.about.data import BODY_PROBLEMS, WRITE_HEADERS, WRITE_READS
from gateway.about.headers import (
    AGENT_ETAG,
    IDEMPOTENCY_KEY,
    IDEMPOTENCY_REPLAYED,
    IF_NONE_MATCH,
)
from gateway.about.updates import UpdateEvent
from gateway.answers import AgentsPage, Registered, ShownAgent, Unregistered
from gateway.codes import Code
from gateway.models import AgentQuery, AgentsQuery, ChangeRequest, RegisterRequest
from gateway.openapi.operation import Answer, Operation, Tag
from topology.catalogue import REGISTRATIONS

_UPDATES_URL: Final = "/api/v1/agents/helper/updates?project_id=demo"
_AGENT: Final = {
    "agent_id": "helper",
    "project_id": "demo",
    "epoch": 3,
    "registered_at": "2026-11-21T09:08:28.939Z",
    "data_needs": [
        {
            "text": "which databases we use",
            "threshold": 0.34,
            "filters": {"environment": ["production"]},
            "exclusions": [{"text": "retired systems", "threshold": 0.25}],
        }
    ],
    "notification_method": "sse",
    "webhook_url": None,
    "token_budget": 51200,
    "updates_url": _UPDATES_URL,
}
REGISTERED: Final = {
    "status": "registered",
    "agent_id": "helper",
    "project_id": "demo",
    "epoch": 3,
    "cursor": "3:0",
    "notification_method": "sse",
    "updates_url": _UPDATES_URL,
}
_INITIAL: Final = {
    "type": "context.initial",
    "timestamp": "2026-11-21T09:08:28.939Z",
    "data": {
        "update_id": "a1eb4b5b-6a51-5d3b-9b5a-6d2f4f2f8f10",
        "tenant": "default",
        "project_id": "demo",
        "agent_id": "helper",
        "kind": "initial",
        "epoch": 3,
        "cause": {"topic": REGISTRATIONS.name, "partition": 3, "offset": 3},
        "items": [],
        "omitted": [],
        "omitted_total": 0,
    },
}
_OF_ONE_AGENT: Final = (Code.NOT_FOUND, Code.INVALID_REQUEST)


class RegisteredAndTold(Registered):
    """A registration that Kafka acknowledged, and the agent's first update."""

    initial: UpdateEvent = Field(description="As the agent's stream and its webhook have it.")


_REGISTRATION_ANSWERS: Final = {
    200: Answer.of(
        RegisteredAndTold,
        "It was waited for: `initial` is there.",
        headers=WRITE_HEADERS,
        examples={"told": {**REGISTERED, "initial": _INITIAL}},
    ),
    202: Answer.of(
        Registered,
        "Kafka has it on all in-sync replicas; its `initial` follows.",
        headers=WRITE_HEADERS,
        examples={"registered": REGISTERED},
    ),
}

REGISTER: Final = Operation(
    name="registerAgent",
    summary="Register an agent",
    description="Replaces an earlier registration whole: a newer epoch and a new `initial`.",
    tag=Tag.AGENTS,
    body=RegisterRequest,
    reads=WRITE_READS,
    answers=_REGISTRATION_ANSWERS,
    problems=(*BODY_PROBLEMS, Code.IDEMPOTENCY_KEY_REUSED),
    examples={
        "stream": {
            "agent_id": "helper",
            "project_id": "demo",
            "token_budget": 20000,
            "data_needs": [
                "which databases we use",
                {"text": "who is on call", "threshold": 0.3},
            ],
        },
    },
)

CHANGE: Final = Operation(
    name="changeAgent",
    summary="Change an agent",
    description=(
        "Writes a whole new registration with what changes: a newer epoch and a new `initial`."
        " A secret that is not changed stays. Changes of one agent through one gateway follow"
        " one another; through several, the last registration counts."
    ),
    tag=Tag.AGENTS,
    query=AgentQuery,
    body=ChangeRequest,
    reads=WRITE_READS,
    answers=_REGISTRATION_ANSWERS,
    problems=(*BODY_PROBLEMS, Code.NOT_FOUND, Code.IDEMPOTENCY_KEY_REUSED),
    examples={"budget": {"token_budget": 30000}, "needs": {"data_needs": ["who is on call"]}},
)

LIST: Final = Operation(
    name="listAgents",
    summary="List agents",
    description="A page in the order of project and id.",
    tag=Tag.AGENTS,
    query=AgentsQuery,
    answers={
        200: Answer.of(
            AgentsPage,
            "Some agents.",
            examples={"page": {"agents": [_AGENT], "count": 1, "next_cursor": None}},
        )
    },
    problems=(Code.INVALID_REQUEST,),
)

SHOW: Final = Operation(
    name="showAgent",
    summary="Show an agent",
    tag=Tag.AGENTS,
    query=AgentQuery,
    reads=(IF_NONE_MATCH,),
    answers={
        200: Answer.of(ShownAgent, "The agent.", headers=(AGENT_ETAG,), examples={"agent": _AGENT}),
        304: Answer("The caller has it already.", headers=(AGENT_ETAG,)),
    },
    problems=_OF_ONE_AGENT,
)

UNREGISTER: Final = Operation(
    name="unregisterAgent",
    summary="Unregister an agent",
    tag=Tag.AGENTS,
    query=AgentQuery,
    reads=(IDEMPOTENCY_KEY,),
    answers={
        202: Answer.of(
            Unregistered,
            "Kafka has the tombstone on all in-sync replicas.",
            headers=(IDEMPOTENCY_REPLAYED,),
            examples={
                "unregistered": {
                    "status": "unregistered",
                    "agent_id": "helper",
                    "project_id": "demo",
                }
            },
        )
    },
    problems=(*_OF_ONE_AGENT, Code.IDEMPOTENCY_KEY_REUSED),
)
