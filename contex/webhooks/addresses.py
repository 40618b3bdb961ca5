"""Where webhooks may go: the public internet, and what the operator allows beside it.

Decides about one address, literal by literal. Resolves no name and opens no socket: whoever
connects asks here about every address that it is about to connect to (`contex.webhooks.sender`).

An address is refused if it lies in a range that no public endpoint has, or whose packets a gateway
would carry on to another address hidden inside it. What cannot be read is refused.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

ADDRESS_CHARACTERS_MAX = 128


@dataclass(frozen=True, slots=True)
class Range:
    """A range that webhooks may not enter, and the document that takes it out of the internet."""

    network: Network
    name: str
    source: str


def _ranges(*rows: tuple[str, str, str]) -> tuple[Range, ...]:
    return tuple(Range(ip_network(network), name, source) for network, name, source in rows)


RANGES = _ranges(
    ("0.0.0.0/8", "this network", "RFC 791"),
    ("10.0.0.0/8", "private use", "RFC 1918"),
    ("100.64.0.0/10", "shared address space of carriers", "RFC 6598"),
    ("127.0.0.0/8", "loopback", "RFC 1122"),
    ("168.63.129.16/32", "metadata of a cloud, at a public address", "Azure WireServer"),
    ("169.254.0.0/16", "link-local, metadata of clouds", "RFC 3927"),
    ("172.16.0.0/12", "private use", "RFC 1918"),
    ("192.0.0.0/24", "protocol assignments", "RFC 6890"),
    ("192.0.2.0/24", "documentation", "RFC 5737"),
    ("192.88.99.0/24", "6to4 relays", "RFC 7526"),
    ("192.168.0.0/16", "private use", "RFC 1918"),
    ("198.18.0.0/15", "benchmarking", "RFC 2544"),
    ("198.51.100.0/24", "documentation", "RFC 5737"),
    ("203.0.113.0/24", "documentation", "RFC 5737"),
    ("224.0.0.0/4", "multicast", "RFC 1112"),
    ("240.0.0.0/4", "reserved, broadcast", "RFC 1112"),
    ("::/128", "unspecified", "RFC 4291"),
    ("::1/128", "loopback", "RFC 4291"),
    ("::/96", "IPv4-compatible", "RFC 4291"),
    ("::ffff:0:0:0/96", "IPv4-translated", "RFC 2765"),
    ("64:ff9b::/96", "NAT64", "RFC 6052"),
    ("64:ff9b:1::/48", "NAT64 of a network's own", "RFC 8215"),
    ("100::/64", "discard", "RFC 6666"),
    ("100:0:0:1::/64", "dummy prefix", "RFC 9780"),
    ("2001::/32", "Teredo", "RFC 4380"),
    ("2001::/23", "protocol assignments", "RFC 2928"),
    ("2001:db8::/32", "documentation", "RFC 3849"),
    ("2002::/16", "6to4", "RFC 3056"),
    ("3fff::/20", "documentation", "RFC 9637"),
    ("5f00::/16", "segment routing", "RFC 9602"),
    ("fc00::/7", "unique local", "RFC 4193"),
    ("fe80::/10", "link-local", "RFC 4291"),
    ("fec0::/10", "site-local", "RFC 3879"),
    ("ff00::/8", "multicast", "RFC 4291"),
)
GLOBAL_UNICAST = IPv6Network("2000::/3")
"""All that has been given out of IPv6 (RFC 4291): anything outside has no public endpoint."""


def refusal(address: str | Address, allow: Iterable[Network]) -> str | None:
    """Say why webhooks may not go to `address`, or return None if they may.

    Args:
        address: as the resolver wrote it.
        allow: networks that the operator opens; they win over every range. An IPv4 address inside
            an IPv6 one (`::ffff:10.0.0.1`) is judged as the IPv4 address that it is.
    """
    if isinstance(address, str):
        read = _read(address)
        if read is None:
            return "not an address"
        address = read
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return "an address with a zone, which means only something to this machine"
        address = address.ipv4_mapped or address
    if any(address in network for network in allow):
        return None
    for candidate in RANGES:
        if address in candidate.network:
            return f"{candidate.name} ({candidate.source})"
    if isinstance(address, IPv6Address) and address not in GLOBAL_UNICAST:
        return "not assigned (RFC 4291)"
    return None


def _read(text: str) -> Address | None:
    try:
        return ip_address(text) if len(text) <= ADDRESS_CHARACTERS_MAX else None
    except ValueError:
        return None
