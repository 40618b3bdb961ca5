"""What the routes of queries and lists say of themselves."""

from typing import Final

from gateway.about.data import BODY_PROBLEMS
from gateway.asking.answers import ListedValue, QueryOutcome, ValuesPage
from gateway.asking.models import QueryRequest
from gateway.codes import Code
from gateway.models import ValuesQuery
from gateway.openapi.operation import JSON, NDJSON, Answer, Operation, Tag

_KNOWN: Final = {
    "data_key": "tech_stack",
    "revision": 4,
    "content_type": "application/json",
    "metadata": {"source": "wiki"},
    "published_at": "2026-11-21T09:08:28.939Z",
    "tokens": 21,
}
_ANSWER: Final = {
    "query": "which databases we use",
    "matches": [
        {
            **_KNOWN,
            "score": 0.5914,
            "similarity": 0.5914,
            "scores": {"dense": 0.5514, "lexical": 0.4},
            "data": {"database": "PostgreSQL"},
            "reference": None,
        }
    ],
    "total_matches": 1,
    "omitted_total": 0,
    "took_ms": 12.4,
}

QUERY: Final = Operation(
    name="queryValues",
    summary="Query values",
    description="Finds the values of a project by meaning, by words, or by both, best first.",
    tag=Tag.VALUES,
    body=QueryRequest,
    answers={
        200: Answer.of(
            QueryOutcome,
            "What was found: for `query` one answer, for `queries` one for each.",
            examples={
                "one": _ANSWER,
                "several": {"results": [_ANSWER], "took_ms": 12.4},
            },
        )
    },
    problems=(*BODY_PROBLEMS, Code.UNAVAILABLE),
    examples={
        "one": {"query": "which databases we use", "top_k": 3},
        "several": {
            "queries": [
                "which databases we use",
                {"text": "who is on call", "filters": {"team": ["sre", "platform"]}},
            ],
            "mode": "dense",
            "max_tokens": 4_000,
            "published_after": "2026-11-01T00:00:00Z",
        },
    },
)

LIST: Final = Operation(
    name="listValues",
    summary="List values",
    description="The live values of a project, as they were routed, in no order from page to page;"
    " by key within each. With `Accept: application/x-ndjson` all of them, a line each.",
    tag=Tag.VALUES,
    query=ValuesQuery,
    answers={
        200: Answer(
            "Some values, or a line for each.",
            {JSON: ValuesPage, NDJSON: ListedValue},
            examples={
                "page": {
                    "values": [{**_KNOWN, "size_bytes": 25}],
                    "count": 1,
                    "next_cursor": None,
                }
            },
        )
    },
    problems=(Code.INVALID_REQUEST, Code.UNAVAILABLE),
)
