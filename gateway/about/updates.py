"""What the stream of updates says of itself, and the form of its events."""

from json import dumps
from typing import Final, Literal

from pydantic import Field, RootModel

from contex.records.update import UpdateKind
from gateway.about.headers import LAST_EVENT_ID
from gateway.answers import AnswerModel, Cursor, Epoch, Revision
from gateway.codes import Code
from gateway.models import UpdatesQuery
from gateway.openapi.operation import EVENT_STREAM, Answer, Header, Operation, Tag
from topology.catalogue import PUBLICATIONS


class Cause(AnswerModel):
    """The record that caused an update."""

    topic: str
    partition: int
    offset: int


class MetNeed(AnswerModel):
    """One of the agent's needs, and how well the value meets it."""

    need: str
    score: float
    threshold: float


class UpdateItem(AnswerModel):
    """One value as the agent is told it; without data when it is told of its end."""

    data_key: str
    revision: Revision
    score: float
    needs: list[MetNeed]
    data: object = Field(None, description="JSON when the value is JSON, else text.")
    data_base64: str = Field("", description="In place of `data`, for bytes that are no text.")
    content_type: str | None
    metadata: dict[str, str]
    reference: str | None = Field(description="GET this path for a value that is too large.")
    tokens: int


class OmittedItem(AnswerModel):
    """A value that matched but did not fit the token budget."""

    data_key: str
    revision: Revision
    score: float
    tokens: int


class UpdateData(AnswerModel):
    """What one agent is told because of one cause."""

    update_id: str
    tenant: str
    project_id: str
    agent_id: str
    kind: UpdateKind
    epoch: Epoch
    cause: Cause
    items: list[UpdateItem]
    omitted: list[OmittedItem]
    omitted_total: int


class UpdateEvent(AnswerModel):
    """An event `initial`, `matched`, `updated`, `retracted` or `deleted`; a webhook's body."""

    type: Literal[
        "context.initial",
        "context.matched",
        "context.updated",
        "context.retracted",
        "context.deleted",
    ]
    timestamp: str
    data: UpdateData


class NoticeData(AnswerModel):
    """Why the stream begins anew or ends."""

    project_id: str
    agent_id: str
    epoch: Epoch
    cursor: Cursor
    reason: str


class NoticeEvent(AnswerModel):
    """An event `reset`, forget everything, or `gone`, the agent was unregistered."""

    type: Literal["context.reset", "context.gone"]
    data: NoticeData


class StreamEvent(RootModel[UpdateEvent | NoticeEvent]):
    """The `data` of one event, a line of JSON."""


_MATCHED: Final = {
    "type": "context.matched",
    "timestamp": "2026-11-21T09:08:28.939Z",
    "data": {
        "update_id": "a1eb4b5b-3a5c-5b0e-9f0a-0d8f6c1f7a11",
        "tenant": "default",
        "project_id": "demo",
        "agent_id": "helper",
        "kind": "matched",
        "epoch": 0,
        "cause": {"topic": PUBLICATIONS.name, "partition": 3, "offset": 4},
        "items": [
            {
                "data_key": "tech_stack",
                "revision": 4,
                "score": 0.5514,
                "needs": [{"need": "which databases we use", "score": 0.5514, "threshold": 0.34}],
                "data": {"database": "PostgreSQL"},
                "content_type": "application/json",
                "metadata": {"source": "wiki"},
                "reference": None,
                "tokens": 21,
            }
        ],
        "omitted": [],
        "omitted_total": 0,
    },
}

STREAM: Final = Operation(
    name="listenToUpdates",
    summary="Listen to an agent's updates",
    description=(
        "Server-sent events. The `event` field is the kind, the `id` is the cursor of the *next*"
        " update, the `data` is one line of JSON. The stream has no end of its own."
    ),
    tag=Tag.UPDATES,
    query=UpdatesQuery,
    reads=(LAST_EVENT_ID,),
    answers={
        200: Answer(
            "The stream.",
            {EVENT_STREAM: StreamEvent},
            headers=(Header("X-Accel-Buffering", "`no`: proxies do not hold events back."),),
            examples={
                "matched": f"id: 3:1\nevent: matched\ndata: {dumps(_MATCHED)}\n\n",
            },
        )
    },
    problems=(Code.INVALID_CURSOR, Code.NOT_FOUND, Code.INVALID_REQUEST),
)
