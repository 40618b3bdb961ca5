"""Names of points and collections: the same thing always has the same id.

Decides ids only. A chunk's id contains its revision and a need's its epoch, so that writing them
again overwrites them and two versions never share a point.
"""

import hashlib
import re
from uuid import UUID, uuid5

from contex.records.meeting import ExclusionPlace
from contex.records.names import AgentKey, ValueKey

_NAMESPACE = UUID("6f2d8f3e-97d5-5c0a-9d52-0b7a3c1d4e55")
_ILLEGAL = re.compile(r"[^A-Za-z0-9._-]")
_DIGEST_CHARACTERS = 8
LAYOUT = 2
"""Part of every collection's name: it changes when what is kept of a value or an agent does, so
that an index of another layout is left alone and a new one is filled from the log."""


def value_head_id(key: ValueKey) -> str:
    """Return the id of a value's head."""
    return str(uuid5(_NAMESPACE, f"value-head/{key}"))


def agent_head_id(key: AgentKey) -> str:
    """Return the id of an agent's head."""
    return str(uuid5(_NAMESPACE, f"agent-head/{key}"))


def chunk_id(key: ValueKey, revision: int, ordinal: int) -> str:
    """Return the id of a chunk."""
    return str(uuid5(_NAMESPACE, f"chunk/{revision}/{ordinal}/{key}"))


def need_id(key: AgentKey, epoch: int, ordinal: int) -> str:
    """Return the id of a need."""
    return str(uuid5(_NAMESPACE, f"need/{epoch}/{ordinal}/{key}"))


def exclusion_id(key: AgentKey, epoch: int, place: ExclusionPlace) -> str:
    """Return the id of one reading of an exclusion."""
    number = f"{place.need}/{place.exclusion}/{place.sense.value}"
    return str(uuid5(_NAMESPACE, f"exclusion/{epoch}/{number}/{key}"))


def index_point_id() -> str:
    """Return the id of the point that holds the index's own id."""
    return str(uuid5(_NAMESPACE, "index"))


def collection_name(kind: str, fingerprint: str) -> str:
    """Name a collection; two embedders never share one.

    A fingerprint that is no legal name is made one, and told apart by a digest.
    """
    legal = _ILLEGAL.sub("-", fingerprint)
    if legal != fingerprint:
        digest = hashlib.sha256(fingerprint.encode()).hexdigest()
        legal = f"{legal}-{digest[:_DIGEST_CHARACTERS]}"
    return f"contex-{LAYOUT}-{kind}-{legal}"
