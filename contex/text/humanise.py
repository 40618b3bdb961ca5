"""Identifiers → words as a person would say them. Pure; never drops a letter or a digit.

`userID` → "user id", `HTTPServer` → "http server", `retry-policy.max_delay` → "retry policy max
delay". Digits stay with the letters before them (`sha256`, `ipv4`), dates and version numbers stay
whole.
"""

import re
from functools import lru_cache

KEYS_CACHED_MAX = 4_096

_SEPARATORS = re.compile(r"(?<!\d)[-.:]+|[-.:]+(?!\d)|[_/\\\s]+")
_NAMES = re.compile(
    r"OAuth|GraphQL|GitHub|GitLab|PostgreSQL|MySQL|NoSQL|JavaScript|TypeScript|DevOps|IPv(?=[46])"
    r"|iOS|macOS"
)
"""Names with capitals inside a word."""


@lru_cache(maxsize=KEYS_CACHED_MAX)
def humanise(identifier: str) -> str:
    """Return the words of an identifier, in lower case."""
    known = _NAMES.sub(lambda name: name[0].capitalize(), identifier)
    words = [word for part in _SEPARATORS.split(known) for word in _words(part)]
    return " ".join(words) or " ".join(identifier.split())


def _words(part: str) -> list[str]:
    """Split before a capital that starts a word: `userID`, `HTTPServer`, `IDs`."""
    starts = [0]
    for position in range(1, len(part)):
        before, here, after = part[position - 1], part[position], part[position + 1 : position + 3]
        if not here.isupper():
            continue
        is_plural = after[:1] == "s" and not after[1:].islower()
        opens_word = after[:1].islower() and not is_plural
        if before.islower() or before.isdigit() or (before.isupper() and opens_word):
            starts.append(position)
    ends = [*starts[1:], len(part)]
    return [part[start:end].lower() for start, end in zip(starts, ends, strict=True) if end > start]
