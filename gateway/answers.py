"""What an answer says, field by field: the models that every JSON answer is built from.

Decides the form of answers alone. A field that is left out of a model is left out of the answer.
The document that describes the gateway is made from these very models.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

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


class Unregistered(AnswerModel):
    """The end of an agent that Kafka acknowledged."""

    status: Literal["unregistered"]
    agent_id: str
    project_id: str


class ShownNeed(AnswerModel):
    """One need of an agent."""

    text: str
    threshold: float


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
