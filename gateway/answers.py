"""What an answer says, field by field: the models that every JSON answer is built from.

Decides the form of answers alone. A field that is left out of a model is left out of the answer.
The document that describes the gateway is made from these very models.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from gateway.codes import Code

Revision = Annotated[
    int, Field(ge=0, description="Numbers the versions of a value: it grows, with gaps.")
]
Epoch = Annotated[int, Field(ge=0, description="Numbers the registrations of an agent: it grows.")]
Cursor = Annotated[
    str,
    Field(pattern=r"^[0-9]+:[0-9]+$", description="The next update of an agent's feed."),
]


def _stay_open(schema: JsonDict) -> None:
    """Let later versions add members: a reader ignores those that it does not know."""
    schema.pop("additionalProperties", None)


class AnswerModel(BaseModel):
    """Base of all answers; what is built with an unknown field is a bug and raises."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra=_stay_open)


class Accepted(AnswerModel):
    """A publication or a deletion that Kafka acknowledged."""

    status: Literal["published", "deleted"]
    project_id: str
    data_key: str
    sequence: str = Field(description="The revision as text.")
    revision: Revision
    event_id: str


class Told(AnswerModel):
    """How many agents were told what."""

    matched: int = Field(ge=0)
    updated: int = Field(ge=0)
    retracted: int = Field(ge=0)
    deleted: int = Field(ge=0)


class AcceptedAndRouted(Accepted):
    """What Kafka acknowledged, and what routing made of it."""

    outcome: Literal["routed", "unchanged", "superseded"] = Field(
        description="`unchanged`: the value was just so already; `superseded`: a newer version"
        " took its place, which may have been told before or instead."
    )
    agents_told: int = Field(ge=0, description="Because of this very revision, as far as known.")
    told: Told


class FieldMessage(AnswerModel):
    """One offending field of an item."""

    field: str
    message: str


class ItemError(AnswerModel):
    """Why an item was not accepted, as its problem would say."""

    code: Code
    detail: str
    errors: list[FieldMessage]


class PublishedItem(AnswerModel):
    """An item that Kafka acknowledged."""

    status: Literal["success"]
    project_id: str
    data_key: str
    sequence: str = Field(description="The revision as text.")
    revision: Revision
    event_id: str


class FailedValue(AnswerModel):
    """An item that was not accepted; its names are null where it has none."""

    status: Literal["failed"]
    project_id: str | None
    data_key: str | None
    error: ItemError


class BatchPublished(AnswerModel):
    """What became of each item, in the order of the request."""

    status: Literal["completed"]
    total: int = Field(ge=1)
    successful: int = Field(ge=0)
    failed: int = Field(ge=0)
    duration_ms: float = Field(ge=0)
    results: list[PublishedItem | FailedValue]


class Registered(AnswerModel):
    """A registration that Kafka acknowledged."""

    status: Literal["registered"]
    agent_id: str
    project_id: str
    epoch: Epoch
    cursor: Cursor
    notification_method: Literal["sse", "kafka", "webhook"]
    updates_url: str = Field(description="The path of the agent's stream.")
    webhook_secret: str = Field("", description="Only when it was generated; never shown again.")


class RegisteredItem(AnswerModel):
    """An item that Kafka acknowledged."""

    status: Literal["success"]
    agent_id: str
    project_id: str
    epoch: Epoch
    cursor: Cursor
    notification_method: Literal["sse", "kafka", "webhook"]
    updates_url: str = Field(description="The path of the agent's stream.")
    webhook_secret: str = Field("", description="Only when it was generated; never shown again.")


class FailedAgent(AnswerModel):
    """An item that was not accepted; its names are null where it has none."""

    status: Literal["failed"]
    project_id: str | None
    agent_id: str | None
    error: ItemError


class BatchRegistered(AnswerModel):
    """What became of each item, in the order of the request."""

    status: Literal["completed"]
    total: int = Field(ge=1)
    successful: int = Field(ge=0)
    failed: int = Field(ge=0)
    duration_ms: float = Field(ge=0)
    results: list[RegisteredItem | FailedAgent]


class Unregistered(AnswerModel):
    """The end of an agent that Kafka acknowledged."""

    status: Literal["unregistered"]
    agent_id: str
    project_id: str


class ShownExclusion(AnswerModel):
    """What a need does not mean."""

    text: str
    threshold: float


class ShownNeed(AnswerModel):
    """One need of an agent."""

    text: str
    threshold: float
    filters: dict[str, list[str]]
    exclusions: list[ShownExclusion]


class ShownAgent(AnswerModel):
    """An agent, without its secret."""

    agent_id: str
    project_id: str
    epoch: Epoch
    registered_at: str = Field(json_schema_extra={"format": "date-time"})
    data_needs: list[ShownNeed]
    notification_method: Literal["sse", "webhook"]
    webhook_url: str | None
    token_budget: int
    updates_url: str = Field(description="The path of the agent's stream.")


class AgentsPage(AnswerModel):
    """Some agents, in the order of project and id."""

    agents: list[ShownAgent]
    count: int = Field(ge=0)
    next_cursor: str | None = Field(description="To be given back as `cursor`; null at the end.")


class Alive(AnswerModel):
    """The event loop turns."""

    status: Literal["ok"]


class Ready(AnswerModel):
    """Everything that requests need is there."""

    status: Literal["ok"]
    checks: dict[str, bool]
