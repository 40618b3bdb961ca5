"""Which URLs an agent may register for its webhook.

Decides from the text alone, so that a mistake is told at once and not sixteen attempts later. It
is no wall: what a name resolves to is judged when a connection is made. A host written as a number
is read as resolvers read it (`http://2130706433`, `http://0x7f.1`), not as it looks, and is refused
for its address before it is refused for its spelling.
"""

import re
from collections.abc import Iterable
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import SplitResult, urlsplit

from contex.errors import InvalidValue
from contex.webhooks.addresses import Network, refusal

FIELD = "webhook_url"
URL_CHARACTERS_MAX = 2_048
_SCHEMES = ("http", "https")
_HOST_NAME = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.?)+")
_NUMERIC_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*")
_LOCALHOST_NAME = "localhost"
_NUMBER_PARTS_MAX = 4
_LOOPBACK = IPv4Address("127.0.0.1")


def check_url(url: str, allow: Iterable[Network]) -> str:
    """Return `url` if an agent may register it.

    Args:
        url: as the agent wrote it.
        allow: networks that the operator opens to webhooks.

    Raises:
        InvalidValue: with field `webhook_url`, saying which rule it breaks.
    """
    if len(url) > URL_CHARACTERS_MAX:
        raise _invalid(f"must be at most {URL_CHARACTERS_MAX} characters, got {len(url)}")
    if any(not 0x20 < ord(character) < 0x7F for character in url) or "\\" in url:  # noqa: PLR2004 - the printable part of ASCII
        raise _invalid(
            "must be printable ASCII without spaces or backslashes;"
            " write an internationalised host name in its xn-- form"
        )
    parts = _split(url)
    host = parts.hostname or ""
    if parts.scheme not in _SCHEMES:
        raise _invalid("must begin with https:// or http://")
    if "@" in parts.netloc:
        raise _invalid("must not carry a user name or password")
    if "#" in url:
        raise _invalid("must not have a fragment")
    if not host:
        raise _invalid("must name a host")
    _check_host(host.removesuffix("."), bracketed="[" in parts.netloc, allow=tuple(allow))
    return url


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _invalid(f"is not a URL: {error}") from error
    if port == 0:
        raise _invalid("must have a port of 1 to 65535")
    return parts


def _check_host(host: str, *, bracketed: bool, allow: tuple[Network, ...]) -> None:
    address = _literal(host, bracketed=bracketed)
    if f".{host}".endswith(f".{_LOCALHOST_NAME}"):
        host, address = _LOCALHOST_NAME, _LOOPBACK
    if address is None:
        if not _HOST_NAME.fullmatch(host):
            raise _invalid("has a host that is no legal name")
        return
    why_not = refusal(address, allow)
    if why_not is not None:
        raise _invalid(f"leads to an address that webhooks may not reach: {why_not}")
    if isinstance(address, IPv4Address) and host not in {str(address), _LOCALHOST_NAME}:
        raise _invalid(f"must write its IPv4 address as {address}")


def _literal(host: str, *, bracketed: bool) -> IPv4Address | IPv6Address | None:
    """Return the address that a host stands for by itself, or None if it is a name."""
    if bracketed:
        try:
            return IPv6Address(host)
        except AddressValueError as error:
            raise _invalid("has brackets around something that is no IPv6 address") from error
    if not _NUMERIC_LABEL.fullmatch(host.rpartition(".")[2]):
        return None
    address = read_number(host)
    if address is None:
        raise _invalid("has a host that looks like an IPv4 address and is none")
    return address


def read_number(host: str) -> IPv4Address | None:
    """Read an IPv4 address in any of the forms of inet_aton: 1 to 4 parts, each in base 8, 10, 16.

    The last part fills all the bytes that are left.
    """
    parts = host.split(".")
    if len(parts) > _NUMBER_PARTS_MAX:
        return None
    numbers = [_part(part) for part in parts]
    *leading, last = numbers
    address = 0
    for number in leading:
        if number is None or number > 0xFF:  # noqa: PLR2004 - one byte
            return None
        address = address << 8 | number
    bits_left = 8 * (_NUMBER_PARTS_MAX - len(leading))
    if last is None or last >= 1 << bits_left:
        return None
    return IPv4Address(address << bits_left | last)


def _part(text: str) -> int | None:
    base = 16 if text.startswith("0x") else 8 if text.startswith("0") and text != "0" else 10
    try:
        return int(text, base) if text.isalnum() else None
    except ValueError:
        return None


def _invalid(rule: str) -> InvalidValue:
    return InvalidValue(f"{FIELD} {rule}", field=FIELD)
