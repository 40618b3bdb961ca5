"""What a query may say, field by field, and the question it stands for.

Decides the form of queries alone. What a value scores is decided by the library.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Final, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from contex.query.types import (
    QUERIES_MAX,
    TOP_K_DEFAULT,
    TOP_K_MAX,
    WEIGHT_MAX,
    Mode,
    Query,
    Weights,
)
from contex.records.registration import THRESHOLD_DEFAULT
from gateway import limits
from gateway.models import Exclusions, Filters, NeedOrText, NeedRequest

_MS_PER_S: Final = 1_000
_Weight = Annotated[float, Field(ge=0.0, le=WEIGHT_MAX, strict=True)]


def _text_only(value: object) -> object:
    if value is not None and not isinstance(value, str):
        raise ValueError("must be a time in RFC 3339, such as '2026-11-21T09:00:00Z'")
    return value


Time = Annotated[
    AwareDatetime, BeforeValidator(_text_only, json_schema_input_type=AwareDatetime | None)
]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class WeightsRequest(_Asked):
    """What meaning and words count in a score."""

    dense: _Weight = Field(1.0, description="Of meaning.")
    lexical: _Weight = Field(0.1, description="Of words.")

    @model_validator(mode="after")
    def _weigh_something(self) -> Self:
        if not self.dense and not self.lexical:
            raise ValueError("one of dense and lexical must be positive")
        return self


class QueryRequest(_Asked):
    """One question or several, and what all of them have in common.

    A need's own threshold wins over the request's; filters of both must be passed,
    and the exclusions of both kept out.
    """

    query: NeedOrText | None = Field(None, description="One question; or else `queries`.")
    queries: list[NeedOrText] | None = Field(
        None,
        min_length=1,
        max_length=QUERIES_MAX,
        description="Several questions, answered as if each were alone; or else `query`.",
    )
    mode: Mode = Field(
        Mode.HYBRID, description="`dense`: by meaning; `lexical`: by words; `hybrid`: by both."
    )
    weights: WeightsRequest | None = Field(None, description="For `hybrid` alone.")
    top_k: int = Field(
        TOP_K_DEFAULT,
        ge=1,
        le=TOP_K_MAX,
        strict=True,
        description="How many values each answer may list.",
    )
    threshold: float | None = Field(
        None,
        ge=0.0,
        le=1.0,
        strict=True,
        description=f"The least score; left out, {THRESHOLD_DEFAULT} times the larger weight, and"
        " none in `lexical` mode.",
    )
    max_tokens: int | None = Field(
        None,
        ge=1,
        le=limits.TOKEN_BUDGET_MAX,
        strict=True,
        description="How many tokens the values of each answer may have in all.",
    )
    filters: Filters = Field(default_factory=dict)
    exclusions: Exclusions = Field(default_factory=list)
    published_after: Time | None = Field(None, description="At this time or later.")
    published_before: Time | None = Field(None, description="Before this time.")
    include_data: bool = Field(
        default=True, strict=True, description="`false` leaves the values themselves out."
    )

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        if (self.query is None) == (self.queries is None):
            raise ValueError("give either query or queries")
        if self.weights is not None and self.mode is not Mode.HYBRID:
            raise ValueError("weights are only for mode 'hybrid'")
        return self

    @property
    def needs(self) -> list[NeedRequest]:
        """What is asked, one or several."""
        return [self.query] if self.query is not None else list(self.queries or ())

    def questions(self) -> Iterator[Query]:
        """Return what the library is asked."""
        for asked in self.needs:
            need = asked.need()
            own = "threshold" in asked.model_fields_set
            unwanted = (one.exclusion() for one in self.exclusions)
            shared = {label: tuple(texts) for label, texts in self.filters.items()}
            yield Query(
                text=need.text,
                mode=self.mode,
                threshold=need.threshold if own else self.threshold,
                weights=_weights(self.weights),
                filters=_both(shared, need.filters),
                exclusions=tuple(dict.fromkeys((*unwanted, *need.exclusions))),
                top_k=self.top_k,
                tokens_max=self.max_tokens,
                published_after_ms=_milliseconds(self.published_after),
                published_before_ms=_milliseconds(self.published_before),
                include_data=self.include_data,
            )


def _weights(said: WeightsRequest | None) -> Weights | None:
    return None if said is None else Weights(said.dense, said.lexical)


def _milliseconds(time: datetime | None) -> int | None:
    return None if time is None else round(time.timestamp() * _MS_PER_S)


def _both(
    shared: Mapping[str, tuple[str, ...]], own: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    """Return filters that only what passes both passes."""
    both = {**shared, **own}
    for label in shared.keys() & own.keys():
        both[label] = tuple(text for text in own[label] if text in shared[label])
    return both
