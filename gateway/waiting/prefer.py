"""The Prefer header (RFC 7240): how long a caller wishes to wait. Pure.

Decides leniently, as the standard asks: what is unknown or malformed is ignored, never refused.
"""

import re
from collections.abc import Sequence
from typing import Final

from gateway.limits import WAIT_S_MAX

HEADER: Final = "Prefer"
APPLIED_HEADER: Final = "Preference-Applied"
_PREFERENCE = re.compile(
    r"""\s*(?P<name>[!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*(?:=\s*(?P<value>"[^"]*"|[^\s",;]*))?[^,]*"""
)
_SECONDS = re.compile(r"[0-9]{1,9}")


def wait_s(given: Sequence[str]) -> int:
    """Return the seconds that the headers ask to wait, within the limit; 0 is not to wait.

    Of several the first counts.
    """
    for header in given:
        for one in header.split(","):
            preference = _PREFERENCE.fullmatch(one)
            if preference is None or preference["name"].lower() != "wait":
                continue
            value = (preference["value"] or "").strip('"')
            return min(int(value), WAIT_S_MAX) if _SECONDS.fullmatch(value) else 0
    return 0


def applied(seconds: int) -> dict[str, str]:
    """Return the header that says that the caller was waited for."""
    return {APPLIED_HEADER: f"wait={seconds}"}
