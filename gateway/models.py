"""What a request may say, field by field; an unknown field is an error that names it.

Decides the form of requests alone. Whether a value is legal TOML or a URL may be called is decided
by the library.
"""

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.config import JsonDict

from contex.errors import InvalidName
from contex.records.names import DATA_KEY_BYTES_MAX, check_data_key, check_name
from contex.records.registration import (
    EXCLUSION_THRESHOLD_DEFAULT,
    EXCLUSIONS_MAX,
    FILTER_NAME_CHARACTERS_MAX,
    FILTER_TEXT_CHARACTERS_MAX,
    FILTER_TEXTS_MAX,
    FILTERS_MAX,
    NEED_CHARACTERS_MAX,
    NEEDS_MAX,
    THRESHOLD_DEFAULT,
    TOKEN_BUDGET_DEFAULT,
    Exclusion,
    Need,
)
from contex.text.media import DATA_FORMATS
from gateway import limits


def _checked(check: Callable[[str, str], str], field: str) -> AfterValidator:
    def validate(value: str) -> str:
        try:
            return check(value, field)
        except InvalidName as error:
            raise ValueError(str(error)) from error

    return AfterValidator(validate)


NAME_SCHEMA: Final[JsonDict] = {"pattern": "^[A-Za-z0-9._-]{1,64}$"}
DATA_KEY_SCHEMA: Final[JsonDict] = {
    "minLength": 1,
    "maxLength": DATA_KEY_BYTES_MAX,
    "pattern": r"^[^\u0000-\u001f\u007f]+$",
}

PROJECT: Final = "What values and agents have in common: an agent is told of its own project."
AGENT: Final = "The agent's name within its project."

ProjectId = Annotated[
    str,
    _checked(check_name, "project_id"),
    Field(description=PROJECT, json_schema_extra=NAME_SCHEMA),
]
AgentId = Annotated[
    str,
    _checked(check_name, "agent_id"),
    Field(description=AGENT, json_schema_extra=NAME_SCHEMA),
]
DataKey = Annotated[
    str,
    _checked(check_data_key, "data_key"),
    Field(
        description=f"The value's name: at most {DATA_KEY_BYTES_MAX} bytes of UTF-8.",
        json_schema_extra=DATA_KEY_SCHEMA,
    ),
]
LabelName = Annotated[
    str, StringConstraints(min_length=1, max_length=limits.METADATA_NAME_CHARACTERS_MAX)
]
Label = Annotated[str, StringConstraints(max_length=limits.METADATA_LABEL_CHARACTERS_MAX)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class PublishRequest(_Request):
    """A new version of a value."""

    project_id: ProjectId
    data_key: DataKey
    data: object = Field(description="Any JSON, or text in a string.")
    data_format: str | None = Field(
        None,
        max_length=limits.DATA_FORMAT_CHARACTERS_MAX,
        description="What the text in `data` is; left out, it is detected. One of"
        f" {', '.join(f'`{name}`' for name in DATA_FORMATS)}.",
    )
    event_type: str | None = Field(
        None,
        min_length=1,
        max_length=limits.EVENT_TYPE_CHARACTERS_MAX,
        description="Your own word for what happened; agents are not told.",
    )
    metadata: dict[LabelName, Label] = Field(
        default_factory=dict,
        max_length=limits.METADATA_LABELS_MAX,
        description=f"Labels for agents and filters; {limits.METADATA_BYTES_MAX} bytes in all.",
    )

    @field_validator("metadata")
    @classmethod
    def _small(cls, metadata: dict[str, str]) -> dict[str, str]:
        size_bytes = sum(len(name.encode() + label.encode()) for name, label in metadata.items())
        if size_bytes > limits.METADATA_BYTES_MAX:
            raise ValueError(
                f"metadata may have {limits.METADATA_BYTES_MAX} bytes in all, got {size_bytes}"
            )
        return metadata


def _text_alone(value: object) -> object:
    if isinstance(value, dict | BaseModel):
        return value
    if isinstance(value, str):
        return {"text": value}
    raise ValueError("must be a text or a JSON object")


def _one_alone(value: object) -> object:
    if isinstance(value, list):
        return value
    if isinstance(value, str):
        return [value]
    raise ValueError("must be a text or a JSON array")


def _says_something(text: str) -> str:
    if not text.strip():
        raise ValueError("must say something")
    return text


NeedText = Annotated[
    str,
    StringConstraints(min_length=1, max_length=NEED_CHARACTERS_MAX),
    AfterValidator(_says_something),
]


class ExclusionRequest(_Request):
    """What a need does not mean; a bare string takes the default threshold."""

    text: NeedText = Field(description="In plain language.")
    threshold: float = Field(
        EXCLUSION_THRESHOLD_DEFAULT,
        ge=0.0,
        le=1.0,
        strict=True,
        description="What a value must score for it to be kept out; a higher one excludes less.",
    )

    def exclusion(self) -> Exclusion:
        """Return the exclusion that is said."""
        return Exclusion(self.text, self.threshold)


Exclusions = Annotated[
    list[
        Annotated[
            ExclusionRequest,
            BeforeValidator(_text_alone, json_schema_input_type=str | ExclusionRequest),
        ]
    ],
    Field(
        max_length=EXCLUSIONS_MAX,
        description="What is not meant, each a text or a text with its threshold.",
    ),
]

_FilterText = Annotated[str, StringConstraints(max_length=FILTER_TEXT_CHARACTERS_MAX)]
_FilterTexts = Annotated[list[_FilterText], Field(min_length=1, max_length=FILTER_TEXTS_MAX)]
Filters = Annotated[
    dict[
        Annotated[str, StringConstraints(min_length=1, max_length=FILTER_NAME_CHARACTERS_MAX)],
        Annotated[
            _FilterTexts,
            BeforeValidator(_one_alone, json_schema_input_type=_FilterText | _FilterTexts),
        ],
    ],
    Field(
        max_length=FILTERS_MAX,
        description="By label, the text, or the texts of which a value's metadata must have one.",
    ),
]


class NeedRequest(_Request):
    """One need; a bare string is one with the default threshold."""

    text: NeedText = Field(description="What is needed, in plain language.")
    threshold: float = Field(
        THRESHOLD_DEFAULT,
        ge=0.0,
        le=1.0,
        strict=True,
        description="The least score of a value that meets it.",
    )
    filters: Filters = Field(default_factory=dict)
    exclusions: Exclusions = Field(default_factory=list)

    def need(self) -> Need:
        """Return the need that is said."""
        return Need(
            text=self.text,
            threshold=self.threshold,
            filters={label: tuple(texts) for label, texts in self.filters.items()},
            exclusions=tuple(one.exclusion() for one in self.exclusions),
        )


NeedOrText = Annotated[
    NeedRequest, BeforeValidator(_text_alone, json_schema_input_type=str | NeedRequest)
]
_Needs = list[NeedOrText]


class RegisterRequest(_Request):
    """An agent, its needs and how it wants to be told.

    `sse` and `kafka` name one delivery: the agent reads its own feed.
    """

    agent_id: AgentId
    project_id: ProjectId
    data_needs: _Needs = Field(
        min_length=1, max_length=NEEDS_MAX, description="What the agent needs, in plain language."
    )
    notification_method: Literal["sse", "kafka", "webhook"] = Field(
        "sse", description="`sse` and `kafka` are the same: the agent reads its own feed."
    )
    webhook_url: Annotated[
        str | None,
        Field(
            max_length=limits.URL_CHARACTERS_MAX,
            validate_default=True,
            description="Required for `webhook`, and for nothing else.",
        ),
    ] = None
    webhook_secret: str | None = Field(
        None, repr=False, description="For `webhook` alone; left out, it is generated."
    )
    token_budget: int = Field(
        TOKEN_BUDGET_DEFAULT,
        ge=1,
        le=limits.TOKEN_BUDGET_MAX,
        strict=True,
        description="How many tokens of values the `initial` update may hold.",
    )

    @field_validator("notification_method", mode="before")
    @classmethod
    def _no_redis(cls, method: object) -> object:
        if method == "redis":
            raise ValueError(
                "redis is not offered: use 'sse' (read /api/v1/agents/{agent_id}/updates),"
                " 'kafka' or 'webhook'"
            )
        return method

    @field_validator("webhook_url", "webhook_secret")
    @classmethod
    def _only_for_webhooks(cls, given: str | None, info: ValidationInfo) -> str | None:
        method = info.data.get("notification_method")
        if method == "webhook" and given is None and info.field_name == "webhook_url":
            raise ValueError("webhook_url is required when notification_method is 'webhook'")
        if method in {"sse", "kafka"} and given is not None:
            raise ValueError(f"is only for notification_method 'webhook', not {method!r}")
        return given


def _left_out() -> Any:  # noqa: ANN401 - stands for a field of any type; `says` tells
    return None


class ChangeRequest(_Request):
    """What changes of an agent; what is left out stays as it is."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    data_needs: _Needs = Field(
        default_factory=_left_out,
        min_length=1,
        max_length=NEEDS_MAX,
        description="All that the agent needs from now on.",
    )
    notification_method: Literal["sse", "kafka", "webhook"] = Field(
        default_factory=_left_out, description="`webhook` wants a `webhook_url` if there is none."
    )
    webhook_url: str = Field(
        default_factory=_left_out,
        max_length=limits.URL_CHARACTERS_MAX,
        description="For `webhook` alone.",
    )
    webhook_secret: str = Field(
        default_factory=_left_out, repr=False, description="For `webhook` alone."
    )
    token_budget: int = Field(
        default_factory=_left_out,
        ge=1,
        le=limits.TOKEN_BUDGET_MAX,
        strict=True,
        description="How many tokens of values the `initial` update may hold.",
    )

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError(f"say what changes: {', '.join(type(self).model_fields)}")
        return self

    def says(self, name: str) -> bool:
        """Return whether the field `name` changes; one that does not holds no value."""
        return name in self.model_fields_set


_LIMIT: Final = "How many there may be on the page."
_CURSOR: Final = "The `next_cursor` of the page before; left out, the first page."


class _QueryString(_Request):
    called: ClassVar[str] = "query parameter"
    """What a member is, in messages."""


class NoQuery(_QueryString):
    """The query string of a route that heeds none."""


class AgentQuery(_QueryString):
    """Which agent is meant; without a project the id must be unique within the tenant."""

    project_id: ProjectId | None = Field(
        None, description="Needed only if several projects have an agent of this id."
    )


class AgentsQuery(AgentQuery):
    """A page of agents."""

    project_id: ProjectId | None = Field(None, description="Agents of this project alone.")
    limit: int = Field(
        limits.PAGE_AGENTS_DEFAULT, ge=1, le=limits.PAGE_AGENTS_MAX, description=_LIMIT
    )
    cursor: str | None = Field(None, max_length=512, description=_CURSOR)


class UpdatesQuery(AgentQuery):
    """Where an agent's stream begins."""

    cursor: str | None = Field(
        None, description="The `cursor` of a registration, or the `id` of the last event."
    )


class ValueQuery(_QueryString):
    """Which version of a value is meant."""

    revision: int | None = Field(
        None,
        ge=0,
        le=2**63 - 1,
        description="That very version; left out, the newest that was routed.",
    )


class ValuesQuery(_QueryString):
    """A page of values."""

    limit: int = Field(
        limits.PAGE_VALUES_DEFAULT, ge=1, le=limits.PAGE_VALUES_MAX, description=_LIMIT
    )
    cursor: str | None = Field(None, max_length=64, description=_CURSOR)
    prefix: str = Field(
        "", max_length=DATA_KEY_BYTES_MAX, description="How the keys of the values begin."
    )
