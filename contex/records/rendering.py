"""Updates as JSON: what a stream and a webhook carry, the same in both.

Decides the payload's shape, Standard Webhooks' `{type, timestamp, data}`, and how a value stands in
JSON. The same update always makes the same bytes, so a signature can be made anew on every try.
"""

import base64
import json
import math
from typing import Any

from contex.records.headers import rfc3339
from contex.records.update import Item, Update

JSON = "application/json"
JSON_SUFFIX = "+json"


def update_json(update: Update) -> dict[str, Any]:
    """Return the payload that tells `update`."""
    return {
        "type": f"context.{update.kind}",
        "timestamp": rfc3339(update.caused_at_ms),
        "data": {
            "update_id": str(update.update_id),
            "tenant": update.agent.scope.tenant,
            "project_id": update.agent.scope.project,
            "agent_id": update.agent.agent_id,
            "kind": update.kind.value,
            "epoch": update.epoch,
            "cause": {
                "topic": update.cause.topic,
                "partition": update.cause.partition,
                "offset": update.cause.offset,
            },
            "items": [_item(item) for item in update.items],
            "omitted": [
                {
                    "data_key": omitted.data_key,
                    "revision": omitted.revision,
                    "score": omitted.score,
                    "tokens": omitted.tokens,
                }
                for omitted in update.omitted
            ],
            "omitted_total": update.omitted_total,
        },
    }


def update_body(update: Update) -> bytes:
    """Return the payload as JSON in UTF-8, on one line."""
    payload = update_json(update)
    # Not orjson: a value's own integers may be larger than 64 bits, and must arrive as they are.
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode(errors="backslashreplace")


def value_json(content: bytes, content_type: str | None) -> dict[str, Any]:
    """Return how a value stands in JSON: `data`, or `data_base64` where it is no text.

    JSON stands as JSON, anything else as a string; bytes that are not UTF-8 as base64. A value
    without a content type is taken for JSON when it reads as an object or an array.
    """
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return {"data_base64": base64.b64encode(content).decode()}
    if not _may_be_json(content_type, text):
        return {"data": text}
    try:
        return {"data": json.loads(text, parse_constant=_refuse, parse_float=_finite)}
    except (ValueError, RecursionError):
        return {"data": text}


def _item(item: Item) -> dict[str, Any]:
    value: dict[str, Any] = {"data": None}
    if item.content is not None:
        value = value_json(item.content, item.content_type)
    return {
        "data_key": item.data_key,
        "revision": item.revision,
        "score": item.score,
        "needs": [
            {"need": need.need, "score": need.score, "threshold": need.threshold}
            for need in item.needs
        ],
        **value,
        "content_type": item.content_type,
        "metadata": dict(item.metadata),
        "reference": item.reference,
        "tokens": item.tokens,
    }


def _may_be_json(content_type: str | None, text: str) -> bool:
    if content_type is None:
        return text.lstrip()[:1] in ("{", "[")
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type == JSON or media_type.endswith(JSON_SUFFIX)


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is beyond a double")
    return number
