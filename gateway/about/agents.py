"""What the routes of agents say of themselves."""

from typing import Final

from gateway.about.data import BODY_PROBLEMS
from gateway.answers import AgentsPage, Registered, ShownAgent, Unregistered
from gateway.codes import Code
from gateway.models import AgentQuery, AgentsQuery, RegisterRequest
from gateway.openapi.operation import Answer, Operation, Tag

_UPDATES_URL: Final = "/api/v1/agents/helper/updates?project_id=demo"
_AGENT: Final = {
    "agent_id": "helper",
    "project_id": "demo",
    "epoch": 3,
    "registered_at": "2026-11-21T09:08:28.939Z",
    "data_needs": [{"text": "which databases we use", "threshold": 0.34}],
    "notification_method": "sse",
    "webhook_url": None,
    "token_budget": 51200,
    "updates_url": _UPDATES_URL,
}
_OF_ONE_AGENT: Final = (Code.NOT_FOUND, Code.INVALID_REQUEST)

REGISTER: Final = Operation(
    name="registerAgent",
    summary="Register an agent",
    description="Replaces an earlier registration whole: a newer epoch and a new `initial`.",
    tag=Tag.AGENTS,
    body=RegisterRequest,
    answers={
        202: Answer.of(
            Registered,
            "Kafka has it on all in-sync replicas; its `initial` follows.",
            examples={
                "registered": {
                    "status": "registered",
                    "agent_id": "helper",
                    "project_id": "demo",
                    "epoch": 3,
                    "cursor": "3:0",
                    "notification_method": "sse",
                    "updates_url": _UPDATES_URL,
                }
            },
        )
    },
    problems=BODY_PROBLEMS,
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
    answers={200: Answer.of(ShownAgent, "The agent.", examples={"agent": _AGENT})},
    problems=_OF_ONE_AGENT,
)

UNREGISTER: Final = Operation(
    name="unregisterAgent",
    summary="Unregister an agent",
    tag=Tag.AGENTS,
    query=AgentQuery,
    answers={
        202: Answer.of(
            Unregistered,
            "Kafka has the tombstone on all in-sync replicas.",
            examples={
                "unregistered": {
                    "status": "unregistered",
                    "agent_id": "helper",
                    "project_id": "demo",
                }
            },
        )
    },
    problems=_OF_ONE_AGENT,
)
