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

    The digest tells models of one name apart. A recipe that loses characters gets a hash of
    itself, so that two recipes never share a name.
    """
    name = _slug(recipe)
    if name != recipe:
        name = f"{name}-{hashlib.sha256(recipe.encode()).hexdigest()[:_TAG_CHARACTERS]}"
    parts = (_slug(model), _slug(digest), _slug(precision), name)
    return "-".join(part.strip("-") for part in parts if part.strip("-"))


def _slug(part: str) -> str:
    return _FORBIDDEN.sub("-", part.lower()).strip("-")[:_PART_CHARACTERS_MAX]
