"""What is wrong with a field, in words of the wire: JSON, texts, numbers; no word of a library.

Decides the message for each kind of error, and which field an unknown one may have meant. Pure.
"""

from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError

_Context = Mapping[str, Any]
_Location = tuple[int | str, ...]

_TIME: Final = "must be a time in RFC 3339, such as '2026-11-21T09:00:00Z'"
_WHOLE: Final = "must be a whole number"
_NUMBER: Final = "must be a number"
_BOOLEAN: Final = "must be true or false"
_OBJECT: Final = "must be a JSON object"
_WORDS: Final[Mapping[str, str]] = {
    "missing": "is required",
    "model_type": _OBJECT,
    "dict_type": _OBJECT,
    "list_type": "must be a JSON array",
    "string_type": "must be a text",
    "string_unicode": "must be valid Unicode text",
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_parsing_size": "is too large a number",
    "int_from_float": _WHOLE,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": "must be a finite number",
    "bool_type": _BOOLEAN,
    "bool_parsing": _BOOLEAN,
}
_MEASURED: Final[Mapping[str, Callable[[_Context], str]]] = {
    "too_short": lambda said: (
        f"must have at least {_count(said['min_length'], 'item')}, got {said['actual_length']}"
    ),
    "too_long": lambda said: f"must have at most {_count(said['max_length'], 'item')}",
    "string_too_short": lambda said: (
        f"must have at least {_count(said['min_length'], 'character')}"
    ),
    "string_too_long": lambda said: f"must have at most {_count(said['max_length'], 'character')}",
    "greater_than_equal": lambda said: f"must be at least {_number(said['ge'])}",
    "less_than_equal": lambda said: f"must be at most {_number(said['le'])}",
    "literal_error": lambda said: f"must be {said['expected']}",
    "enum": lambda said: f"must be {said['expected']}",
}
_TIMES: Final = ("datetime_", "timezone_", "date_")
_A_NAME: Final = "[key]"
"""How the library ends the place of what is wrong with a member's name, not with its value."""


def told(
    error: ValidationError, model: type[BaseModel] | None = None
) -> Iterator[tuple[_Location, str]]:
    """Return where something is wrong, and what, for each error.

    Args:
        error: what the library found.
        model: what was read; with it, an unknown field is told what it may have meant.
    """
    for one in error.errors(include_url=False, include_input=False):
        location = one["loc"]
        if one["type"] == "extra_forbidden":
            yield location, _unknown(location, model)
            continue
        message = _message(one["type"], one["msg"], one.get("ctx", {}))
        if location[-1:] == (_A_NAME,):
            yield location[:-2], f"each name {message}"
        else:
            yield location, message


def _message(kind: str, said: str, context: _Context) -> str:
    if kind in _MEASURED:
        return _MEASURED[kind](context)
    if kind.startswith(_TIMES):
        return _TIME
    return _WORDS.get(kind) or said.removeprefix("Value error, ")


def _unknown(location: _Location, model: type[BaseModel] | None) -> str:
    what = getattr(model, "called", "field")
    for step in location[:-1]:
        if model is not None and isinstance(step, str):
            field = model.model_fields.get(step)
            model = None if field is None else _model_in(field.annotation)
    meant = None if model is None else _meant(str(location[-1]), list(model.model_fields))
    return f"unknown {what}; did you mean {meant}?" if meant else f"unknown {what}"


def _meant(name: str, fields: list[str]) -> str | None:
    part = [one for one in fields if one.startswith(f"{name}_") or one.endswith(f"_{name}")]
    close = part if len(part) == 1 else get_close_matches(name, fields, n=1)
    return close[0] if close else None


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _number(number: float) -> str:
    return f"{number:,}" if isinstance(number, int) else f"{number:g}"
