"""Names and keys: tenant and project are the first segments of every key.

Decides what a legal name is and how keys are written and read. Knows no topic.
"""

import re
from dataclasses import dataclass
from typing import Self

from contex.errors import InvalidName

NAME_PATTERN = re.compile(r"[A-Za-z0-9._-]{1,64}")
DATA_KEY_BYTES_MAX = 512
CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f]")


def check_name(name: object, field: str) -> str:
    """Return `name` if it may name a tenant, a project or an agent.

    Raises:
        InvalidName: naming the field and the rule.
    """
    text = _text(name, field)
    if not NAME_PATTERN.fullmatch(text):
        raise InvalidName(
            f"{field} must be 1 to 64 characters of A-Z a-z 0-9 . _ -, got {text[:80]!r}",
            field=field,
        )
    return text


def check_data_key(data_key: object, field: str = "data_key") -> str:
    """Return `data_key` if it may name a value: 1 to 512 bytes of UTF-8, no control characters.

    Raises:
        InvalidName: naming the field and the rule.
    """
    text = _text(data_key, field)
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise InvalidName(f"{field} is not valid Unicode text", field=field) from error
    if not 1 <= size <= DATA_KEY_BYTES_MAX:
        raise InvalidName(
            f"{field} must be 1 to {DATA_KEY_BYTES_MAX} bytes of UTF-8, got {size}", field=field
        )
    if CONTROL_CHARACTERS.search(text):
        raise InvalidName(f"{field} must not contain control characters", field=field)
    return text


def _text(given: object, field: str) -> str:
    if not isinstance(given, str):
        raise InvalidName(f"{field} must be a text, got {type(given).__name__}", field=field)
    return given


@dataclass(frozen=True, slots=True, order=True)
class Scope:
    """One project of one tenant: the wall that no search crosses."""

    tenant: str
    project: str

    def __post_init__(self) -> None:
        check_name(self.tenant, "tenant")
        check_name(self.project, "project")

    def __str__(self) -> str:
        return f"{self.tenant}/{self.project}"


@dataclass(frozen=True, slots=True, order=True)
class ValueKey:
    """Names a value. Written `tenant/project/data_key`; the data key may contain slashes."""

    scope: Scope
    data_key: str

    def __post_init__(self) -> None:
        check_data_key(self.data_key)

    def __str__(self) -> str:
        return f"{self.scope}/{self.data_key}"

    @classmethod
    def parse(cls, key: str) -> Self:
        """Read a record's key.

        Raises:
            InvalidName: if it has fewer than three segments or an illegal one.
        """
        tenant, project, data_key = _segments(key)
        return cls(Scope(tenant, project), data_key)


@dataclass(frozen=True, slots=True, order=True)
class AgentKey:
    """Names an agent. Written `tenant/project/agent_id`."""

    scope: Scope
    agent_id: str

    def __post_init__(self) -> None:
        check_name(self.agent_id, "agent_id")

    def __str__(self) -> str:
        return f"{self.scope}/{self.agent_id}"

    @classmethod
    def parse(cls, key: str) -> Self:
        """Read a record's key.

        Raises:
            InvalidName: if it has not exactly three legal segments.
        """
        tenant, project, agent_id = _segments(key)
        return cls(Scope(tenant, project), agent_id)


def _segments(key: str) -> tuple[str, str, str]:
    tenant, _, rest = key.partition("/")
    project, _, name = rest.partition("/")
    return tenant, project, name
