"""What is said: names, values, registrations and updates as plain immutable types."""

from contex.records.names import AgentKey, Scope, ValueKey
from contex.records.publication import Deletion, Publication, Value
from contex.records.registration import Need, Registration, StreamDelivery, Unregistration
from contex.records.registration import WebhookDelivery
from contex.records.update import Cause, Item, MatchedNeed, Omitted, Update, UpdateKind, update_id

__all__ = [
    "AgentKey",
    "Cause",
    "Deletion",
    "Item",
    "MatchedNeed",
    "Need",
    "Omitted",
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
