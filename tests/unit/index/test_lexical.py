"""Which words a text has, and what they weigh."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contex.index.lexical import (
    K1,
    PASSAGE_TERMS_MEAN,
    QUERY_TERMS_MAX,
    B,
    passage_terms,
    query_terms,
    rarity,
    saturated,
    term,
    words,
    words_and_identifiers,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Error E4711: disk full", ["error", "e4711", "disk", "full"]),
        ("max_connections maxRetries HTTPServer", "max connections max retries http server"),
        ("v2.3.1 ERR-77 0xdeadbeef", ["v2", "3", "1", "err", "77", "0xdeadbeef"]),
        ("Who is on call at night?", ["call", "night"]),
        ("Straße STRASSE", ["strasse", "strasse"]),
        ("cafe\u0301 caf\u00e9 \uff21\uff22\uff23", ["caf\u00e9", "caf\u00e9", "abc"]),
        ("ключ 鍵", ["ключ", "鍵"]),
        ("the of and", []),
        (" \t…—!", []),
    ],
)
def test_words(text: str, expected: list[str] | str) -> None:
    assert words(text) == (expected.split() if isinstance(expected, str) else expected)


@pytest.mark.parametrize("asked", ["maxRetries", "max_retries", "max retries", "MAX-RETRIES"])
@pytest.mark.parametrize("written", ["maxRetries", "max_retries", "MaxRetries"])
def test_an_identifier_is_found_however_it_is_written(asked: str, written: str) -> None:
    assert set(query_terms(asked)) <= passage_terms(written).keys()


def test_an_identifier_is_found_in_lower_case_too() -> None:
    assert set(query_terms("0xc0ffee maxretries")) <= passage_terms("0xC0FFEE maxRetries").keys()
    assert words_and_identifiers("maxRetries") == ["max", "retries", "maxretries"]


def test_a_word_weighs_by_bm25() -> None:
    text = "order order refund " + "filler " * 13
    length = 16 / PASSAGE_TERMS_MEAN
    weights = passage_terms(text)
    for word, count in (("order", 2), ("refund", 1)):
        expected = count * (K1 + 1) / (count + K1 * (1 - B + B * length))
        assert weights[term(word)] == pytest.approx(expected)


def test_a_word_said_again_weighs_more_but_never_much_more() -> None:
    once, twice, often = (passage_terms("order " * n)[term("order")] for n in (1, 2, 30))
    assert once < twice < often < K1 + 1


def test_a_rare_word_weighs_more_than_a_usual_one() -> None:
    weights = rarity({1: 1, 2: 50, 3: 100, 4: 0}, 100)
    assert weights[1] > weights[2] > weights[3] > 0
    assert weights[1] == pytest.approx(math.log(1 + 99.5 / 1.5))
    assert 4 not in weights, "a word that nobody has cannot make a match"


def test_a_count_that_ran_ahead_of_its_total_is_no_error() -> None:
    assert rarity({1: 3}, 2) == {}


def test_a_question_has_each_word_once_and_few_of_them() -> None:
    assert query_terms("order order refund") == (term("order"), term("refund"))
    assert len(query_terms(" ".join(f"w{n}" for n in range(100)))) == QUERY_TERMS_MAX


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_saturation_keeps_the_order_between_0_and_1(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 0 <= saturated(low) <= saturated(high) <= 1
    assert saturated(0) == 0


@given(st.text())
def test_any_text_has_numbers_that_an_engine_takes(text: str) -> None:
    assert all(0 <= number < 2**32 and weight > 0 for number, weight in passage_terms(text).items())
