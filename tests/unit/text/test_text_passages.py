import json
import re
import time
from collections.abc import Callable

import pytest

from contex.errors import LimitExceeded
from contex.records import Value
from contex.text import CHUNKS_MAX, TOKENS_MAX, VALUE_BYTES_MAX, parse, passages

Recipe = Callable[[str, bytes, str | None], tuple[str, ...]]
Counter = Callable[[str], int]


def of_json(recipe: Recipe, data: object, data_key: str = "k") -> tuple[str, ...]:
    return recipe(data_key, json.dumps(data).encode(), "application/json")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (42, "k. 42."),
        ("", "k. empty."),
        ({}, "k. empty."),
        ([], "k. empty."),
        (None, "k. null."),
        ({"isOn": False}, "k. is on: false."),
        ({"tags": ["a", "b", "c"]}, "k. tags: a, b, c."),
        ({"a": 1, "b": {"c": 2}}, "k. a: 1. b c: 2."),
        ({"team": [{"name": "Ann"}], "office": "Paris"}, "k. team name: Ann. office: Paris."),
        ({"m": [1, {"a": 2}, 3]}, "k. m: 1. m a: 2. m: 3."),
        ({"m": [[1, 2], [3]]}, "k. m: 1, 2. 3."),
        ({"a": {}, "b": [], "c": "  "}, "k. a: empty. b: empty. c: empty."),
        ({"say": "Really?"}, "k. say: Really?"),
        ({"": {"": "bare"}}, "k. bare."),
        ({"text": "two\n  lines"}, "k. text: two lines."),
        ([{"a": 1}, {"a": 2}], "k. a: 1. 2."),
    ],
)
def test_wording(recipe: Recipe, data: object, expected: str) -> None:
    assert of_json(recipe, data) == (expected,)


def test_an_empty_value_is_still_found_by_its_name(recipe: Recipe) -> None:
    assert recipe("retry_policy", b"", None) == ("retry policy.",)


def test_long_items_of_a_list_are_statements_of_their_own(recipe: Recipe) -> None:
    long = "Restart the broker only after every replica of its partitions is in sync"
    (passage,) = of_json(recipe, {"steps": [long, "Then wait"]})
    assert passage == f"k. steps: {long}. Then wait."


def test_the_key_heads_every_passage_and_the_path_every_part(
    recipe: Recipe, tokens: Counter
) -> None:
    text = " ".join(f"word{n}" for n in range(300))
    got = of_json(recipe, {"release": {"notes": text}}, "App/changeLog")
    assert len(got) > 3
    assert all(passage.startswith("app change log. release notes: word") for passage in got)
    assert max(map(tokens, got)) <= TOKENS_MAX


def test_an_element_of_a_list_stays_together(recipe: Recipe) -> None:
    people = [{"name": f"Person {n}", "role": f"Role {n}", "city": f"City {n}"} for n in range(40)]
    got = of_json(recipe, {"people": people})
    for n in range(40):
        whole = f"people name: Person {n}. people role: Role {n}. people city: City {n}."
        assert any(whole in passage for passage in got), f"person {n} was torn apart"


def test_a_gigantic_word_is_cut_by_characters(recipe: Recipe, tokens: Counter) -> None:
    word = "".join(chr(97 + n % 26) for n in range(5_000))
    got = of_json(recipe, {"blob": word})
    assert (
        "".join(passage.removeprefix("k. blob: ") for passage in got).replace(" ", "") == f"{word}."
    )
    assert max(map(tokens, got)) <= TOKENS_MAX


def test_a_very_long_key_leaves_room_and_is_said_once(recipe: Recipe, tokens: Counter) -> None:
    key = "/".join(f"part{n}" for n in range(70))
    got = of_json(recipe, {"text": " ".join(["lorem"] * 20), "last": "word"}, key)
    assert max(map(tokens, got)) <= TOKENS_MAX
    assert all(passage.startswith("part58 ") for passage in got)
    assert all(any(f"part{n}" in passage for passage in got) for n in range(70))


def test_a_key_that_is_one_long_word_is_cut(recipe: Recipe, tokens: Counter) -> None:
    got = recipe("x" * 512, b"hi", None)
    assert "".join(got).replace(" ", "") == "x" * 512 + ".hi"
    assert max(map(tokens, got)) <= TOKENS_MAX


def test_a_very_long_path_leaves_room_and_is_said_once(recipe: Recipe, tokens: Counter) -> None:
    name = " ".join(f"name{n}" for n in range(200))
    got = of_json(recipe, {name: "the value"})
    assert max(map(tokens, got)) <= TOKENS_MAX
    assert all(any(f"name{n}" in passage for passage in got) for n in range(200))
    assert got[-1].endswith("the value.")


def test_the_same_passage_stands_once(recipe: Recipe) -> None:
    assert len(of_json(recipe, [{"status": "healthy"}] * 5_000)) == 2


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        ("The database is PostgreSQL. " * 2_143, "text/plain"),
        (json.dumps([{"status": "healthy"}] * 5_000), "application/json"),
        (json.dumps({"log": ["The node is up. " * 20] * 50}), "application/json"),
        ("".join(f"The node {n} is up. " for n in range(2_000)), "text/plain"),
    ],
)
def test_what_a_value_repeats_counts_as_often_as_it_stands(
    tokens: Counter, content: str, content_type: str
) -> None:
    got = passages("k", parse(Value(content.encode(), content_type)), tokens)

    assert len(set(got.texts)) == len(got.texts)
    said = tokens(re.sub(r'[][{}",:]|status(?=":)', "", content))
    assert said <= got.tokens <= 1.6 * said, f"expected about {said:,}, got {got.tokens:,}"


def test_a_value_without_repeats_has_the_tokens_of_its_passages(tokens: Counter) -> None:
    content = " ".join(f"w{n}" for n in range(500)).encode()
    got = passages("some key", parse(Value(content, "text/plain")), tokens)

    assert len(got.texts) > 1
    assert got.tokens == sum(map(tokens, got.texts))


def test_a_section_keeps_its_headings(recipe: Recipe) -> None:
    content = b"# Guide\n\n## Install\n\nRun make.\n\nThen start it.\n\n## Remove\n\nDelete it.\n"
    assert recipe("doc", content, "text/markdown") == (
        "doc. Guide, Install: Run make. Then start it. Guide, Remove: Delete it.",
    )


@pytest.mark.parametrize(
    "count", [len, lambda text: len(text.split()), lambda text: len(text) // 3]
)
def test_any_counter_is_obeyed(count: Counter) -> None:
    value = Value(json.dumps({"name": "a b c " * 400, "other": list(range(300))}).encode())
    got = passages("some key", parse(value), count).texts
    assert max(map(count, got)) <= TOKENS_MAX


def test_too_many_passages_is_a_limit(recipe: Recipe) -> None:
    content = " ".join(f"w{n}" for n in range(115_000)).encode()
    assert len(content) < VALUE_BYTES_MAX
    with pytest.raises(LimitExceeded) as caught:
        recipe("k", content, "text/plain")
    assert str(caught.value) == (
        f"data may make at most {CHUNKS_MAX:,} passages of 96 tokens, got more: "
        "publish its parts under several data keys"
    )
    assert caught.value.field == "data"


def test_the_largest_text_takes_few_counts_and_little_time(tokens: Counter) -> None:
    counted = 0

    def count(text: str) -> int:
        nonlocal counted
        counted += 1
        return tokens(text)

    words = [f"w{n}" for n in range(5_000)]
    content = " ".join(words[n * 7 % 5_000] for n in range(90_000)).encode()
    started = time.perf_counter()
    got = passages("k", parse(Value(content, "text/plain")), count).texts
    took_s = time.perf_counter() - started
    assert counted <= len(words) + 2 * len(got) + 10, f"{counted} counts for {len(got)} passages"
    assert took_s < 10, f"expected a second or two, took {took_s:.1f} s"
