"""docker-compose.yml and the Dockerfile as their tools read them: merged, variables put in."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "docker-compose.yml"
DOCKERFILE = ROOT / "Dockerfile"
IMAGE = "contex"
_VARIABLE = re.compile(r"\$\{(?P<name>[A-Z_]+)(?::(?P<kind>[-?])(?P<rest>[^}]*))?\}")


class MissingVariable(Exception):
    """A variable that must be set is not; the words are the file's."""


@dataclass(frozen=True)
class Service:
    """One service of ours.

    Attributes:
        command: what the container runs.
        environment: the image's, then the service's own.
        depends_on: the condition that is awaited of each service.
        check: the health check's command, or None.
    """

    name: str
    command: list[str]
    environment: dict[str, str]
    depends_on: dict[str, str]
    check: list[str] | None
    replicas: int


def interpolated(text: str, environ: Mapping[str, str]) -> str:
    """Put variables in.

    Raises:
        MissingVariable: one that the file insists on.
    """

    def value(match: re.Match[str]) -> str:
        given = environ.get(match["name"], "")
        if given or match["kind"] == "-":
            return given or match["rest"]
        if match["kind"] == "?":
            raise MissingVariable(f"{match['name']} {match['rest']}")
        return ""

    replaced = _VARIABLE.sub(value, text)
    assert "$" not in replaced.replace("$$", ""), f"expected no other interpolation: {text}"
    return replaced


def loaded(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the whole file."""
    document = _walked(yaml.safe_load(COMPOSE.read_text(encoding="utf-8")), environ)
    assert isinstance(document, dict)
    return document


def _walked(node: Any, environ: Mapping[str, str]) -> Any:
    if isinstance(node, dict):
        return {name: _walked(one, environ) for name, one in node.items()}
    if isinstance(node, list):
        return [_walked(one, environ) for one in node]
    return interpolated(node, environ) if isinstance(node, str) else node


def image() -> tuple[dict[str, str], list[str], list[str]]:
    """Return the image's environment, health check and command: the Dockerfile's last stage."""
    text = DOCKERFILE.read_text(encoding="utf-8").replace("\\\n", " ")
    last = text[text.rindex("\nFROM ") :]
    [variables] = re.findall(r"^ENV (.*)$", last, re.MULTILINE)
    environment = dict(one.split("=", 1) for one in shlex.split(variables))
    [check] = re.findall(r"^HEALTHCHECK .*?CMD (\[.*\])$", last, re.MULTILINE)
    [command] = re.findall(r"^CMD (\[.*\])$", last, re.MULTILINE)
    return environment, yaml.safe_load(check), yaml.safe_load(command)


def ours(environ: Mapping[str, str]) -> dict[str, Service]:
    """Return the services that run our image, in the order of the file."""
    environment, check, command = image()
    return {
        name: Service(
            name,
            list(one.get("command", command)),
            {**environment, **{key: str(text) for key, text in one["environment"].items()}},
            {other: how["condition"] for other, how in one.get("depends_on", {}).items()},
            None if one.get("healthcheck", {}).get("disable") else check,
            one.get("deploy", {}).get("replicas", 1),
        )
        for name, one in loaded(environ)["services"].items()
        if str(one["image"]).startswith(f"{IMAGE}:")
    }
