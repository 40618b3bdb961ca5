"""What the stream of updates says of itself, and the form of its events."""

from typing import Final, Literal

from pydantic import Field, RootModel

from contex.records.update import UpdateKind
from gateway.about.headers import LAST_EVENT_ID
from gateway.answers import AnswerModel, Cursor, Epoch, Revision
from gateway.codes import Code
from gateway.models import UpdatesQuery
from gateway.openapi.operation import EVENT_STREAM, Answer, Header, Operation, Tag


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
                "matched": 'id: 3:1\nevent: matched\ndata: {"type":"context.matched",...}\n\n'
            },
        )
    },
    problems=(Code.INVALID_CURSOR, Code.NOT_FOUND, Code.INVALID_REQUEST),
)
