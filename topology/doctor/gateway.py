"""The gateway: does it live, is it ready, and does it take our key.

Decides what its answers mean for a person. Needs no library.
"""

import json
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit
from urllib.request import Request, urlopen

from contex.log.reach import is_loopback
from contex.settings.reading import without_password
from topology.doctor.findings import Finding, fail, ok, warn
from topology.doctor.surroundings import Surroundings

SUBJECT = "gateway"
TIMEOUT_S = 3.0
ANSWER_BYTES_MAX = 1 << 20
_REFUSED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    body: dict[str, Any]


def look_at_gateway(where: Surroundings) -> Sequence[Finding]:
    """Ask the gateway how it is, and for something that wants a key."""
    url = str(where.value("CONTEX_URL")).rstrip("/")
    shown = without_password(url)
    step = "Start it (python -m gateway, or `contex dev`), or set CONTEX_URL to where it runs."
    try:
        live = _ask(f"{url}/health/live")
        if live.status != HTTPStatus.OK or live.body.get("status") != "ok":
            text = f"what answers at {shown} is no gateway of Contex (status {live.status})"
            return [fail(SUBJECT, text, "Another program has this port: set CONTEX_URL.")]
        ready = _ask(f"{url}/health/ready")
        return [_readiness(shown, ready), _permission(url, where.value("CONTEX_API_KEY"))]
    except (OSError, HTTPException, UnicodeError) as error:
        reason = error.reason if isinstance(error, URLError) else error
        return [fail(SUBJECT, f"{shown}: {_words(reason)}", step)]


def _readiness(shown: str, ready: Answer) -> Finding:
    if ready.status == HTTPStatus.OK:
        return ok(SUBJECT, f"{shown} is ready")
    absent = [name for name, holds in ready.body.get("checks", {}).items() if not holds]
    text = f"{shown} lives, but is not ready: {', '.join(absent) or f'status {ready.status}'}"
    return fail(SUBJECT, text, "It waits for what is named; its log says more.")


def _permission(url: str, key: object) -> Finding:
    subject = "API key"
    answer = _ask(f"{url}/api/v1/agents?limit=1", str(key) if key else None)
    if answer.status in _REFUSED:
        problem = "does not take this one" if key else "wants one"
        return fail(subject, f"the gateway {problem}", "Set CONTEX_API_KEY to the gateway's key.")
    if answer.status != HTTPStatus.OK:
        text = f"asking for agents was answered {answer.status}"
        return fail(subject, text, str(answer.body.get("detail", "Its log says more.")))
    if key:
        return ok(subject, "is taken")
    if is_loopback(urlsplit(url).hostname or ""):
        return ok(subject, "none is wanted: fine on this machine alone")
    step = "Set CONTEX_API_KEY for the gateway and its clients, or keep it in a private network."
    return warn(subject, "the gateway answers everybody", step)


def _ask(url: str, key: str | None = None) -> Answer:
    headers = {"Accept": "application/json"}
    parts = urlsplit(url)
    userinfo, _, host = parts.netloc.rpartition("@")
    if userinfo:  # a proxy's, which `urlopen` would take for a host, and name in its errors
        url = parts._replace(netloc=host).geturl()
        headers["Authorization"] = f"Basic {b64encode(unquote(userinfo).encode()).decode()}"
    if key:
        headers["Authorization"] = f"Bearer {key}"
    request = Request(url, headers=headers)  # noqa: S310 - the setting admits http and https alone
    try:
        with urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 - as above
            return Answer(answer.status, _json(answer.read(ANSWER_BYTES_MAX)))
    except HTTPError as error:
        with error:
            return Answer(error.code, _json(error.read(ANSWER_BYTES_MAX)))


def _json(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _words(reason: object) -> str:
    match reason:
        case ConnectionRefusedError():
            return "nothing listens there"
        case TimeoutError():
            return f"no answer within {TIMEOUT_S:g} s"
        case OSError():
            return reason.strerror or str(reason)
        case _:
            return str(reason)
