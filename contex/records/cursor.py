"""A cursor: the position in an agent's feed from which to read on. Pure.

It names the next update to read, as a consumer's committed offset does; so the cursor of a
registration, of an event and of a keep-alive all mean the same.
"""

import re
from dataclasses import dataclass
from typing import Self

from contex.errors import InvalidValue

_FORM = re.compile(r"(?P<partition>0|[1-9][0-9]{0,5}):(?P<offset>0|[1-9][0-9]{0,18})")
_OFFSET_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True, order=True)
class Cursor:
    """A partition of the topic of updates and the offset of the next record to read."""

    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.partition}:{self.offset}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a cursor.

        Raises:
            InvalidValue: naming the field.
        """
        match = _FORM.fullmatch(text)
        if match is None or int(match["offset"]) > _OFFSET_MAX:
            raise InvalidValue(
                f"cursor must be 'partition:offset' as this gateway gave it, got {text[:40]!r}",
                field="cursor",
            )
        return cls(int(match["partition"]), int(match["offset"]))
