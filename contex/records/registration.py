"""Registrations: who an agent is, what it needs, and how it wants to be told.

A registration's offset is the agent's epoch.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from contex.records.names import AgentKey

THRESHOLD_DEFAULT = 0.34
"""Best F1 on flattened, humanised chunks with all-MiniLM-L6-v2 (docs/matching.md)."""
TOKEN_BUDGET_DEFAULT = 51_200
EXCLUSION_THRESHOLD_DEFAULT = 0.25
"""Lower, because the words of an exclusion are compared with those of its need too
(docs/matching.md)."""
NEEDS_MAX = 100
NEED_CHARACTERS_MAX = 2_000
"""Of a need's text, and of an exclusion's."""
EXCLUSIONS_MAX = 10
"""Per need."""
STATEMENTS_MAX = 200
"""Needs and exclusions of one agent, in all."""
FILTERS_MAX = 16
"""Labels that one need filters by."""
FILTER_TEXTS_MAX = 32
"""Texts that one label may have."""
FILTER_NAME_CHARACTERS_MAX = 128
FILTER_TEXT_CHARACTERS_MAX = 1_024
NEEDS_BYTES_MAX = 900 * 1024
"""Everything that the needs of one agent say, in all."""


@dataclass(frozen=True, slots=True)
class Exclusion:
    """What a need does not mean, in plain language: "not deprecated ones"."""

    text: str
    threshold: float = EXCLUSION_THRESHOLD_DEFAULT


@dataclass(frozen=True, slots=True)
class Need:
    """What an agent needs; `contex.records.meeting` holds the rule of which values meet it.

    Attributes:
        text: the need, in plain language.
        threshold: a value must score at least this much.
        filters: by label, the texts of which the value's metadata must have one; one may be given
            as it is.
        exclusions: a value that meets one of them is not meant; given as a text, one has the
            default threshold.
    """

    text: str
    threshold: float = THRESHOLD_DEFAULT
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    exclusions: tuple[Exclusion, ...] = ()

    if TYPE_CHECKING:  # what is taken is wider than what is held

        def __init__(
            self,
            text: str,
            threshold: float = ...,
            filters: Mapping[str, str | Iterable[str]] = ...,
            exclusions: str | Iterable[str | Exclusion] = ...,
        ) -> None: ...

    def __post_init__(self) -> None:
        labels: Mapping[str, str | Iterable[str]] = self.filters
        filters = {
            label: (texts,) if isinstance(texts, str) else tuple(texts)
            for label, texts in labels.items()
        }
        object.__setattr__(self, "filters", filters)
        given: str | Iterable[str | Exclusion] = self.exclusions
        each = (given,) if isinstance(given, str) else given
        held = tuple(Exclusion(one) if isinstance(one, str) else one for one in each)
        object.__setattr__(self, "exclusions", held)


@dataclass(frozen=True, slots=True)
class StreamDelivery:
    """The agent reads its feed itself: server-sent events, or its Kafka topic."""


@dataclass(frozen=True, slots=True)
class WebhookDelivery:
    """Every update is sent to `url`, signed.

    Attributes:
        url: http or https.
        sealed_secret: the signing secret, encrypted; never in clear outside a process.
    """

    url: str
    sealed_secret: str


@dataclass(frozen=True, slots=True)
class Registration:
    """An agent's needs and its delivery, whole: the newest replaces all earlier ones."""

    key: AgentKey
    needs: tuple[Need, ...]
    delivery: StreamDelivery | WebhookDelivery
    event_id: str
    registered_at_ms: int
    token_budget: int = TOKEN_BUDGET_DEFAULT


@dataclass(frozen=True, slots=True)
class Unregistration:
    """The agent left: a tombstone with CloudEvents headers."""

    key: AgentKey
    event_id: str
    registered_at_ms: int
