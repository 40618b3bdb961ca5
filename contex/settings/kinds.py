"""Kinds of values that a setting can have: how its text is read, and what is expected of it.

Pure and of the standard library alone: the command line explains settings without the server's
libraries. Decides no name and no default.
"""

import base64
import binascii
import ipaddress
import re
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

PORT_MAX = 65_535
_KEY_BYTES = 32
_SERVER = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):(?P<port>\d{1,5})")
_HOST_AND_PORT = re.compile(_SERVER.pattern + r"(?:/\S*)?")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Kind(Protocol):
    """Reads the text of one setting."""

    @property
    def expects(self) -> str:
        """What a right value is, as in "expected ..."."""
        ...

    def parse(self, text: str) -> object:
        """Return what `text` means.

        Raises:
            ValueError: it is not as expected.
        """
        ...


@dataclass(frozen=True, slots=True)
class Text:
    """Any text that has the form of `pattern`."""

    expects: str
    pattern: str = r"(?s).+"

    def parse(self, text: str) -> str:
        """Return the text itself."""
        if not re.fullmatch(self.pattern, text):
            raise ValueError(self.expects)
        return text


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number of a range."""

    minimum: int
    maximum: int

    @property
    def expects(self) -> str:
        """What a right value is."""
        return f"a whole number from {self.minimum} to {self.maximum}"

    def parse(self, text: str) -> int:
        """Return the number."""
        if not re.fullmatch(r"[0-9]{1,18}", text.strip()):
            raise ValueError(self.expects)
        number = int(text)
        if not self.minimum <= number <= self.maximum:
            raise ValueError(self.expects)
        return number


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words."""

    choices: tuple[str, ...]

    @property
    def expects(self) -> str:
        """What a right value is."""
        return f"one of {', '.join(self.choices)}"

    def parse(self, text: str) -> str:
        """Return the word."""
        if text not in self.choices:
            raise ValueError(self.expects)
        return text


def with_scheme(text: str) -> str:
    """Return the URL that a `host:port` stands for; any other text as it is."""
    return f"http://{text}" if _HOST_AND_PORT.fullmatch(text) else text


@dataclass(frozen=True, slots=True)
class Url:
    """The address of a server, with or without a path.

    Attributes:
        bare: whether `host:port` is taken for `http://host:port`.
    """

    expects: str = "an http or https URL with a host, such as http://127.0.0.1:8080"
    bare: bool = False

    def parse(self, text: str) -> str:
        """Return the URL itself."""
        if self.bare:
            text = with_scheme(text)
        try:
            parts = urlsplit(text)
            sound = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
        except ValueError:
            sound = False
        if not sound or re.search(r"\s", text):
            raise ValueError(self.expects)
        return text


@dataclass(frozen=True, slots=True)
class Servers:
    """Addresses of brokers."""

    expects: str = "host:port, comma separated"

    def parse(self, text: str) -> str:
        """Return the list itself, without blanks."""
        servers = [part.strip() for part in text.split(",")]
        for server in servers:
            match = _SERVER.fullmatch(server)
            if match is None or not 1 <= int(match["port"]) <= PORT_MAX:
                raise ValueError(self.expects)
        return ",".join(servers)


@dataclass(frozen=True, slots=True)
class Networks:
    """Networks of addresses; none when empty."""

    expects: str = "networks such as 10.0.0.0/8, comma separated"

    def parse(self, text: str) -> tuple[Network, ...]:
        """Return the networks."""
        parts = [part.strip() for part in text.split(",")]
        try:
            return tuple(ipaddress.ip_network(part) for part in parts if part)
        except ValueError as error:
            raise ValueError(f"{self.expects}; {error}") from error


@dataclass(frozen=True, slots=True)
class Keys:
    """Fernet keys."""

    expects: str = "Fernet keys, each the url-safe base64 of 32 bytes, comma separated"

    def parse(self, text: str) -> str:
        """Return the list itself."""
        keys = [part.strip() for part in text.split(",") if part.strip()]
        for position, key in enumerate(keys, start=1):
            if not _is_key(key):
                raise ValueError(f"{self.expects}; key {position} of {len(keys)} is not")
        return text


def _is_key(text: str) -> bool:
    try:
        return len(base64.urlsafe_b64decode(text)) == _KEY_BYTES
    except (binascii.Error, ValueError):
        return False
