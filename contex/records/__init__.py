"""What is said: names, values, registrations, updates and attempts as plain immutable types."""

from contex.records.attempt import Attempt, Fault, Outcome
from contex.records.names import AgentKey, Scope, ValueKey
from contex.records.publication import Deletion, Publication, Value
from contex.records.registration import (
    Exclusion,
    Need,
    Registration,
    StreamDelivery,
    Unregistration,
    WebhookDelivery,
)
from contex.records.update import Cause, Item, MatchedNeed, Omitted, Update, UpdateKind, update_id

__all__ = [
    "AgentKey",
    "Attempt",
    "Cause",
    "Deletion",
    "Exclusion",
    "Fault",
    "Item",
    "MatchedNeed",
    "Need",
    "Omitted",
    "Outcome",
    "Publication",
    "Registration",
    "Scope",
    "StreamDelivery",
    "Unregistration",
    "Update",
    "UpdateKind",
    "Value",
    "ValueKey",
    "WebhookDelivery",
    "update_id",
]
