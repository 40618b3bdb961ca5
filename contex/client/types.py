"""What callers give and get: plain frozen types, one for each answer of the gateway.

Decides no rule and does no I/O. What a newer gateway adds is ignored.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypedDict

from contex.client.data import JSON, Told, decoded
from contex.client.errors import FieldProblem
from contex.records.registration import Exclusion, Need
from contex.records.update import Cause, MatchedNeed, Omitted

__all__ = [
    "Agent",
    "Cause",
    "Exclusion",
    "Failure",
    "Item",
    "Match",
    "MatchedNeed",
    "Need",
    "Omitted",
    "Publish",
    "Published",
    "QueryAnswer",
    "QueryOptions",
    "Registered",
    "Update",
    "Value",
    "ValueInfo",
]


@dataclass(frozen=True, slots=True)
class Publish:
    """One value of `publish_many`; the fields are those of `publish`."""

    data_key: str
    data: JSON | bytes
    project: str | None = None
    data_format: str | None = None
    event_type: str | None = None
    metadata: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Published:
    """A publication or a deletion that the log has.

    Attributes:
        revision: grows with every publication and deletion of the key, with gaps.
        outcome: what became of it (`routed`, `unchanged`, `superseded`), or None where that was
            not waited for or not known in time.
        agents_told: how many agents were told, None as above.
        told: how many of them, by kind of update.
        replayed: whether the gateway repeated the answer to an earlier request with the same key.
    """

    project_id: str
    data_key: str
    revision: int
    event_id: str
    status: str = "published"
    outcome: str | None = None
    agents_told: int | None = None
    told: Mapping[str, int] = field(default_factory=dict)
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """A value of `publish_many` that was refused; the others are not affected."""

    project_id: str
    data_key: str
    code: str
    detail: str
    fields: tuple[FieldProblem, ...] = ()


@dataclass(frozen=True, slots=True)
class Value:
    """A value at one revision, byte for byte as it was published."""

    project_id: str
    data_key: str
    revision: int
    content: bytes = field(repr=False)
    content_type: str | None = None

    @property
    def data(self) -> JSON | bytes:
        """The content: JSON, text, or bytes where it is neither."""
        return decoded(self.content, self.content_type)


@dataclass(frozen=True, slots=True)
class ValueInfo:
    """A value without its data, as a listing has it."""

    project_id: str
    data_key: str
    revision: int
    content_type: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    published_at: str | None = None
    size_bytes: int = 0
    tokens: int = 0


@dataclass(frozen=True, kw_only=True)
class Item(Told):
    """One value as an update tells it.

    Attributes:
        needs: the needs it meets, best first; empty when it is retracted or deleted.
    """

    needs: tuple[MatchedNeed, ...] = ()


@dataclass(frozen=True, slots=True)
class Update:
    """One message to one agent.

    Attributes:
        kind: `initial`, `matched`, `updated`, `retracted` or `deleted`; `reset` when everything
            told before is void and told anew.
        items: what is news to the reader.
        omitted: the best of what did not fit the token budget of an `initial`.
        omitted_total: how many did not fit, listed or not.
        cursor: where the feed goes on after this, or None in a webhook.
        timestamp: when the cause was produced, RFC 3339.
    """

    update_id: str
    kind: str
    project_id: str
    agent_id: str
    epoch: int
    items: tuple[Item, ...] = ()
    omitted: tuple[Omitted, ...] = ()
    omitted_total: int = 0
    cause: Cause | None = None
    tenant: str | None = None
    timestamp: str | None = None
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Registered:
    """A registration that the log has.

    Attributes:
        epoch: numbers the registration; the newest counts.
        cursor: where the agent's updates begin: give it to `updates`.
        webhook_secret: the secret that was generated, shown this once, or None.
        initial: the first update, where it was waited for and came in time.
    """

    agent_id: str
    project_id: str
    epoch: int
    cursor: str | None = None
    notification_method: str | None = None
    updates_url: str | None = None
    webhook_secret: str | None = field(default=None, repr=False)
    initial: Update | None = None
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent as it is registered."""

    agent_id: str
    project_id: str
    epoch: int
    needs: tuple[Need, ...] = ()
    registered_at: str | None = None
    notification_method: str | None = None
    webhook_url: str | None = None
    token_budget: int | None = None
    updates_url: str | None = None


@dataclass(frozen=True, kw_only=True)
class Match(Told):
    """One value that answers a query.

    Attributes:
        scores: by the way of searching (`dense`, `lexical`), what made up `score`.
    """

    scores: Mapping[str, float] = field(default_factory=dict)
    published_at: str | None = None


class QueryOptions(TypedDict, total=False):
    """How to search; the gateway has a default for each.

    Attributes:
        mode: `dense`, `lexical` or `hybrid`.
        weights: of `dense` and `lexical` in a hybrid search.
        top_k: how many matches at most.
        threshold: a match scores at least this much.
        max_tokens: what the matches may have in all.
        filters: by label, the text or texts of which a value's metadata must have one.
        exclusions: what is not meant, each a text or an `Exclusion`, beside those of a need.
        published_after: RFC 3339; values published since then.
        published_before: RFC 3339; values published until then.
        include_data: False for matches without their data.
    """

    mode: str | None
    weights: Mapping[str, float] | None
    top_k: int | None
    threshold: float | None
    max_tokens: int | None
    filters: Mapping[str, str | Sequence[str]] | None
    exclusions: Sequence[str | Exclusion] | None
    published_after: str | None
    published_before: str | None
    include_data: bool


@dataclass(frozen=True, slots=True)
class QueryAnswer:
    """What a query found, best first.

    Attributes:
        total_matches: how many match, shown or not.
        omitted_total: how many did not fit `top_k` or `max_tokens`.
    """

    query: str
    matches: Sequence[Match] = ()
    total_matches: int = 0
    omitted_total: int = 0
    took_ms: float | None = None
