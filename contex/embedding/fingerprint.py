"""Names what an index's vectors were made with.

Decides the name's form, which the index puts into its collections' names. Never reads a model.
"""

import hashlib
import re

_FORBIDDEN = re.compile(r"[^a-z0-9_-]+")
_PART_CHARACTERS_MAX = 48
_TAG_CHARACTERS = 6


def fingerprint(model: str, digest: str, precision: str, recipe: str) -> str:
    """Return `model-digest-precision-recipe` in the characters a-z, 0-9, `_` and `-` only.

    Two inputs that differ give two names: where a part loses characters, a hash of it is added.
    """
    return "-".join(_slug(part) for part in (model, digest, precision, recipe))


def _slug(part: str) -> str:
    slug = _FORBIDDEN.sub("-", part.lower()).strip("-")[:_PART_CHARACTERS_MAX]
    if slug == part:
        return slug
    tag = hashlib.sha256(part.encode()).hexdigest()[:_TAG_CHARACTERS]
    return f"{slug}-{tag}" if slug else tag
