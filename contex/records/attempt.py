"""Attempts: what came of one try to deliver one update to one endpoint.

Decides the words in which a delivery is reported. Knows no schedule and no HTTP.
"""

import uuid
from dataclasses import dataclass
from enum import StrEnum

from contex.records.names import AgentKey

RESPONSE_EXCERPT_CHARACTERS_MAX = 1_024
ERROR_CHARACTERS_MAX = 1_024
ATTEMPT_NAMESPACE = uuid.UUID("5a0c6b5e-8a56-5f0b-9f0e-3f6a7a1c9d42")


class Outcome(StrEnum):
    """What follows from the try."""

    SUCCEEDED = "succeeded"  # the endpoint accepted it: nothing follows
    RETRYING = "retrying"  # it waits in a retry lane
    DEAD = "dead"  # given up: it is in the dead-letter topic


class Fault(StrEnum):
    """Whose fault a failure was: only the endpoint's own faults count against it."""

    NONE = "none"
    ENDPOINT = "endpoint"  # it answered, and refused or failed
    NETWORK = "network"  # it could not be reached, or not in time
    OURS = "ours"  # we could not try as we should have


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try.

    Attributes:
        update_id: the update; the receiver's `webhook-id`, the same on every try.
        attempt: 1 for the first try.
        at_ms: when the try began, milliseconds since the epoch.
        latency_ms: until the answer was read or the try was given up.
        status: the HTTP status, or None when there was no answer.
        response_excerpt: the beginning of the answer's body, or None.
        retry_lane: the topic in which the next try waits, or None when there is none.
        error: what went wrong in words, or None.
    """

    update_id: uuid.UUID
    agent: AgentKey
    attempt: int
    at_ms: int
    latency_ms: int
    outcome: Outcome
    fault: Fault = Fault.NONE
    status: int | None = None
    response_excerpt: str | None = None
    retry_lane: str | None = None
    error: str | None = None

    @property
    def attempt_id(self) -> uuid.UUID:
        """The same for the same try of the same update: uuid5 over both."""
        return uuid.uuid5(ATTEMPT_NAMESPACE, f"{self.update_id}/{self.agent}/{self.attempt}")
