"""Makes any Python string one that a tokenizer accepts.

Decides what becomes of lone surrogates, which JSON can carry and UTF-8 cannot. Never changes
another character.
"""


def encodable(text: str) -> str:
    """Return `text` with every lone surrogate replaced by U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
