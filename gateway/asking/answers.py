"""What queries and lists are answered, field by field.

Decides how what was found stands in JSON; a value stands there as it does in an update.
"""

from pydantic import Field, RootModel

from contex.index.types import ValueInfo
from contex.query.types import Answer, Listed, Match
from contex.records.headers import rfc3339
from contex.records.rendering import value_json
from contex.routing.decide import reference
from gateway.answers import AnswerModel, Revision


class Scores(AnswerModel):
    """Of what a score is made."""

    dense: float | None = Field(
        description="The cosine of the best passage; null when meaning was not asked for."
    )
    lexical: float | None = Field(
        description="How well the best passage is worded, 0 to 1; null when words were not asked"
        " for."
    )


class QueryMatch(AnswerModel):
    """A value that was found."""

    data_key: str
    revision: Revision
    score: float
    similarity: float = Field(description="The score.")
    scores: Scores
    data: object = Field(
        None,
        description="JSON when the value is JSON, else text; null when it was not wanted or stands"
        " elsewhere.",
    )
    data_base64: str = Field("", description="Instead of `data`, for bytes that are not UTF-8.")
    content_type: str | None
    metadata: dict[str, str]
    published_at: str = Field(json_schema_extra={"format": "date-time"})
    tokens: int = Field(ge=0)
    reference: str | None = Field(
        description="The path that answers the very value, when it is too large to stand here."
    )


class QueryAnswer(AnswerModel):
    """What was found for one question, best first."""

    query: str
    matches: list[QueryMatch]
    total_matches: int = Field(
        ge=0, description="How many values match, as far as they were counted."
    )
    omitted_total: int = Field(
        ge=0, description="How many of them are not listed: beyond `top_k` or `max_tokens`."
    )
    took_ms: float = Field(ge=0)


class QueriesAnswer(AnswerModel):
    """What was found for each question, in the order of the request."""

    results: list[QueryAnswer]
    took_ms: float = Field(ge=0)


class QueryOutcome(RootModel[QueryAnswer | QueriesAnswer]):
    """For `query` one answer, for `queries` one for each."""


class ListedValue(AnswerModel):
    """A live value."""

    data_key: str
    revision: Revision
    content_type: str | None
    metadata: dict[str, str]
    published_at: str = Field(json_schema_extra={"format": "date-time"})
    size_bytes: int = Field(ge=0)
    tokens: int = Field(ge=0)


class ValuesPage(AnswerModel):
    """Some values of a project, by key within the page."""

    values: list[ListedValue]
    count: int = Field(ge=0)
    next_cursor: str | None = Field(description="To be given back as `cursor`; null at the end.")


def query_answer(text: str, answer: Answer, took_ms: float, *, with_data: bool) -> QueryAnswer:
    """Return how the answer to one question stands in JSON."""
    return QueryAnswer(
        query=text,
        matches=[_match(one, with_data=with_data) for one in answer.matches],
        total_matches=len(answer.matches) + answer.omitted_total,
        omitted_total=answer.omitted_total,
        took_ms=took_ms,
    )


def listed_value(one: Listed) -> ListedValue:
    """Return how a value stands in a list."""
    return ListedValue(
        data_key=one.key.data_key,
        revision=one.head.revision,
        size_bytes=one.info.size_bytes,
        tokens=one.head.tokens,
        **_known(one.info),
    )


def _match(one: Match, *, with_data: bool) -> QueryMatch:
    value = {"data": None} if one.value is None else _value(one)
    elsewhere = with_data and one.value is None
    return QueryMatch(
        data_key=one.key.data_key,
        revision=one.revision,
        score=one.score,
        similarity=one.score,
        scores=Scores(dense=one.evidence.dense, lexical=one.evidence.lexical),
        **value,
        tokens=one.tokens,
        reference=reference(one.key, one.readable) if elsewhere else None,
        **_known(one.info),
    )


def _value(one: Match) -> dict[str, object]:
    assert one.value is not None
    return value_json(one.value.content, one.value.content_type)


def _known(info: ValueInfo) -> dict[str, object]:
    return {
        "content_type": info.content_type,
        "metadata": dict(info.metadata),
        "published_at": rfc3339(max(info.published_at_ms, 0)),
    }
