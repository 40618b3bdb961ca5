"""How a command reaches the gateway: its options, and a client whose errors are told to a person.

Decides options alone; what is asked is each command's.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

import click

from contex.cli.failures import failed
from contex.client.errors import ContexClientError, Disconnected
from contex.log.reach import is_loopback, knock

if TYPE_CHECKING:
    from contex.client.blocking import Contex

TIMEOUT_S_DEFAULT: Final = 30.0
WAIT_S_MAX: Final = 30.0
"""As long as the gateway lets a caller wait."""
_PORTS: Final = {"http": 80, "https": 443}

_F = TypeVar("_F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Target:
    """Which gateway is asked, as whom, about which project, and for how long."""

    url: str | None
    api_key: str | None
    project: str | None
    timeout_s: float

    @property
    def wait_s(self) -> float:
        """How long a command that waits does."""
        return min(self.timeout_s, WAIT_S_MAX)

    def waiting(self, *, wanted: bool) -> float | None:
        """Return how long to wait, None for not at all; say when it is less than was asked for."""
        if not wanted:
            return None
        if self.timeout_s > WAIT_S_MAX:
            said = f"--wait waits {WAIT_S_MAX:g} s at most: the gateway lets nobody wait longer."
            click.echo(said, err=True)
        return self.wait_s


def gateway_options(*, project_required: bool = True) -> Callable[[_F], _F]:
    """Add --url, --api-key, --project and --timeout; the command gets a `target`."""

    def decorate(function: _F) -> _F:
        for option in reversed(_options(project_required=project_required)):
            function = option(function)
        return function

    return decorate


def _options(*, project_required: bool) -> list[Callable[[Any], Any]]:
    return [
        click.option(
            "--project",
            "-p",
            envvar="CONTEX_PROJECT",
            show_envvar=True,
            required=project_required,
            help="The project." if project_required else "Only this project.",
        ),
        click.option(
            "--url",
            envvar="CONTEX_URL",
            show_envvar=True,
            help="The gateway.  [default: http://127.0.0.1:8000]",
        ),
        click.option(
            "--api-key",
            envvar="CONTEX_API_KEY",
            show_envvar=True,
            help="The gateway's key; the variable keeps it out of the list of processes.",
        ),
        click.option(
            "--timeout",
            "timeout_s",
            type=click.FloatRange(min=0.1),
            default=TIMEOUT_S_DEFAULT,
            show_default=True,
            metavar="SECONDS",
            help="How long one request may take.",
        ),
    ]


def target_of(options: dict[str, Any]) -> Target:
    """Take the options of `gateway_options` out of a command's."""
    return Target(
        *(options.pop(name) for name in ("url", "api_key", "project", "timeout_s")),
    )


@contextmanager
def connected(target: Target) -> Iterator["Contex"]:
    """Lend a client; its errors end the command with words and the right status."""
    from contex.client.blocking import Contex  # noqa: PLC0415 - slow to import, and `--help` passes

    url = target.url or ""
    try:
        with Contex(
            target.url,
            api_key=target.api_key,
            project=target.project,
            timeout_s=target.timeout_s,
        ) as client:
            url = client.url
            _knock(url)
            yield client
    except ContexClientError as error:
        raise failed(error, url) from error


def _knock(url: str) -> None:
    """Say at once that nothing listens on this machine, without the client's patience."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if not is_loopback(host):
        return  # a proxy may be in between
    obstacle = knock(host, parts.port or _PORTS[parts.scheme])
    if obstacle is not None:
        raise Disconnected(obstacle.value)
