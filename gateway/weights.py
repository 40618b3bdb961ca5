"""What a caller would rather read, by `Accept` or `Accept-Encoding`.

Decides what a weight is (RFC 9110, 12.4.2). What is made of it is each handler's.
"""

import re
from collections.abc import Iterable

_WEIGHT = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?", re.ASCII)


def weights(fields: Iterable[str]) -> dict[str, float]:
    """Return how much each name in the fields of a header is wanted, 1 unless it is said.

    One with a weight that is none is left out.
    """
    found: dict[str, float] = {}
    for one in ",".join(fields).lower().split(","):
        name, *parameters = (part.strip() for part in one.split(";"))
        weight = next((part[2:] for part in parameters if part.startswith("q=")), "1")
        if _WEIGHT.fullmatch(weight):
            found[name] = float(weight)
    return found
