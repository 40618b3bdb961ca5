"""Registrations: who an agent is, what it needs, and how it wants to be told.

A registration's offset is the agent's epoch.
"""

from dataclasses import dataclass

from contex.records.names import AgentKey

THRESHOLD_DEFAULT = 0.34
"""Best F1 on flattened, humanised chunks with all-MiniLM-L6-v2 (docs/matching.md)."""
TOKEN_BUDGET_DEFAULT = 51_200
NEEDS_MAX = 100
NEED_CHARACTERS_MAX = 2_000


@dataclass(frozen=True, slots=True)
class Need:
    """What an agent needs, in plain language; told when a value scores at least `threshold`."""

    text: str
    threshold: float = THRESHOLD_DEFAULT


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
