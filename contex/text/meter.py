"""Counts tokens cheaply and cuts text by them. Decides no wording.

Tokenizers split at white space first, so a text has as many tokens as its words together; each
different word is counted once. Passages are counted whole in the end, so that a tokenizer that does
otherwise costs time, never a passage that is too long.
"""

from collections.abc import Callable, Iterator

WORD_CHARACTERS_MAX = 96
"""Models replace longer words by one "unknown" token: cut, they still say something."""
WORD_TOKENS_MAX = 32


class Meter:
    """Counts the tokens of one value's words."""

    def __init__(self, count_tokens: Callable[[str], int]) -> None:
        self._count_tokens = count_tokens
        self._tokens: dict[str, int] = {}

    def count(self, text: str) -> int:
        """Return the tokens of `text`, word by word."""
        return sum(map(self.count_word, self.words(text)))

    def count_word(self, word: str) -> int:
        """Return the tokens of one word."""
        known = self._tokens.get(word)
        if known is None:
            known = self._tokens[word] = self._count_tokens(word)
        return known

    def count_whole(self, text: str) -> int:
        """Return the tokens of `text` as the model will see it."""
        return self._count_tokens(text)

    def words(self, text: str) -> Iterator[str]:
        """Yield the words of `text`, those that are too long in pieces."""
        for word in text.split():
            if len(word) <= WORD_CHARACTERS_MAX and self.count_word(word) <= WORD_TOKENS_MAX:
                yield word
                continue
            for start in range(0, len(word), WORD_CHARACTERS_MAX):
                yield from self._pieces(word[start : start + WORD_CHARACTERS_MAX])

    def last_words(self, text: str, tokens_max: int) -> str:
        """Return as many of the last words of `text` as fit: the most particular part of a path."""
        kept: list[str] = []
        tokens = 0
        for word in reversed(text.split()):
            if len(word) > WORD_CHARACTERS_MAX:
                break
            tokens += self.count_word(word)
            if tokens > tokens_max:
                break
            kept.append(word)
        return " ".join(reversed(kept))

    def _pieces(self, word: str) -> Iterator[str]:
        if len(word) == 1 or self.count_word(word) <= WORD_TOKENS_MAX:
            yield word
        else:
            yield from self._pieces(word[: len(word) // 2])
            yield from self._pieces(word[len(word) // 2 :])
