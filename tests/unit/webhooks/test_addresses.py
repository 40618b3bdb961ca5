"""The address guard, range by range: first and last address of each, and their neighbours."""

from ipaddress import ip_network

import pytest

from contex.webhooks.addresses import RANGES, Range, refusal

REFUSED = {
    "RFC 791 this network": ["0.0.0.0", "0.0.0.1", "0.255.255.255"],
    "RFC 1918 10/8": ["10.0.0.0", "10.0.0.1", "10.255.255.255"],
    "RFC 1918 172.16/12": ["172.16.0.0", "172.20.1.1", "172.31.255.255"],
    "RFC 1918 192.168/16": ["192.168.0.0", "192.168.1.1", "192.168.255.255"],
    "RFC 6598 carriers": ["100.64.0.0", "100.100.100.200", "100.127.255.255"],
    "RFC 1122 loopback": ["127.0.0.0", "127.0.0.1", "127.1.2.3", "127.255.255.255"],
    "RFC 3927 link-local": ["169.254.0.0", "169.254.1.1", "169.254.255.255"],
    "metadata of clouds": [
        "169.254.169.254",
        "169.254.170.2",
        "168.63.129.16",
        "192.0.0.192",
        "fd00:ec2::254",
        "fd20:ce::254",
    ],
    "RFC 6890 protocol assignments": ["192.0.0.0", "192.0.0.8", "192.0.0.255"],
    "RFC 5737 documentation": [
        "192.0.2.0",
        "192.0.2.255",
        "198.51.100.0",
        "198.51.100.255",
        "203.0.113.0",
        "203.0.113.255",
    ],
    "RFC 7526 6to4 relays": ["192.88.99.0", "192.88.99.1", "192.88.99.255"],
    "RFC 2544 benchmarking": ["198.18.0.0", "198.19.255.255"],
    "RFC 1112 multicast": ["224.0.0.0", "224.0.0.1", "239.255.255.255"],
    "RFC 1112 reserved": ["240.0.0.0", "250.1.2.3", "255.255.255.254"],
    "RFC 919 broadcast": ["255.255.255.255"],
    "RFC 4291 unspecified": ["::", "0:0:0:0:0:0:0:0"],
    "RFC 4291 loopback": ["::1", "0:0:0:0:0:0:0:1"],
    "RFC 4291 IPv4-compatible": ["::127.0.0.1", "::8.8.8.8", "::2"],
    "RFC 4291 IPv4-mapped": [
        "::ffff:127.0.0.1",
        "::ffff:7f00:1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:0.0.0.0",
        "0:0:0:0:0:ffff:a9fe:a9fe",
    ],
    "RFC 2765 IPv4-translated": ["::ffff:0:127.0.0.1", "::ffff:0:8.8.8.8"],
    "RFC 6052 NAT64": ["64:ff9b::", "64:ff9b::7f00:1", "64:ff9b::8.8.8.8", "64:ff9b::ffff:ffff"],
    "RFC 8215 NAT64 of a network's own": [
        "64:ff9b:1::",
        "64:ff9b:1::10.0.0.1",
        "64:ff9b:1:ffff:ffff:ffff:ffff:ffff",
    ],
    "RFC 6666 discard": ["100::", "100::ffff:ffff:ffff:ffff"],
    "RFC 9780 dummy prefix": ["100:0:0:1::", "100:0:0:1:ffff:ffff:ffff:ffff"],
    "RFC 4380 Teredo": ["2001::", "2001:0:4136:e378:8000:63bf:3fff:fdd2"],
    "RFC 2928 protocol assignments": ["2001:2::1", "2001:10::1", "2001:20::1", "2001:1ff:ffff::"],
    "RFC 3849 documentation": ["2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"],
    "RFC 3056 6to4": ["2002::", "2002:7f00:1::", "2002:a9fe:a9fe::1", "2002:ffff::"],
    "RFC 9637 documentation": ["3fff::", "3fff:fff:ffff::"],
    "RFC 9602 segment routing": ["5f00::", "5f00:ffff::1"],
    "RFC 4193 unique local": ["fc00::", "fc00::1", "fd12:3456:789a::1", "fdff:ffff::"],
    "RFC 4291 link-local": ["fe80::", "fe80::1", "febf:ffff::"],
    "RFC 3879 site-local": ["fec0::", "fec0::1", "feff:ffff::"],
    "RFC 4291 multicast": ["ff00::", "ff02::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
    "RFC 4291 not assigned": ["1::1", "4000::1", "8000::1", "e000::1", "200::1"],
    "RFC 4007 zones": ["fe80::1%eth0", "fe80::1%1", "2600::1%eth0", "::ffff:8.8.8.8%1"],
    "not an address": ["", "localhost", "127.0.0.1:80", "[::1]", "1.2.3", "01.2.3.4", "x" * 200],
}
PASSED = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "168.63.129.15",
    "168.63.129.17",
    "169.253.255.255",
    "169.255.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "191.255.255.255",
    "192.0.1.0",
    "192.0.3.0",
    "192.88.98.255",
    "192.88.100.0",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "198.51.99.255",
    "198.51.101.0",
    "203.0.112.255",
    "203.0.114.0",
    "223.255.255.255",
    "::ffff:8.8.8.8",
    "2000::1",
    "2001:200::1",
    "2001:db7:ffff::1",
    "2001:db9::1",
    "2003::1",
    "2600:1f18::1",
    "2a00:1450:4001:81b::200e",
    "3ffe:ffff::1",
    "3fff:1000::1",
]


@pytest.mark.parametrize(
    ("group", "address"), [(group, address) for group, row in REFUSED.items() for address in row]
)
def test_refused(group: str, address: str) -> None:
    assert refusal(address, ()) is not None, f"{address} of {group} was let through"


@pytest.mark.parametrize("address", PASSED)
def test_public_addresses_and_the_neighbours_of_every_range_pass(address: str) -> None:
    assert refusal(address, ()) is None


@pytest.mark.parametrize("candidate", RANGES, ids=lambda row: str(row.network))
def test_the_first_and_last_address_of_every_range_is_refused(candidate: Range) -> None:
    network = candidate.network
    for address in (network.network_address, network.broadcast_address):
        assert refusal(address, ()) is not None, f"{address} was let through"


def test_an_allowed_network_passes_and_nothing_beside_it() -> None:
    allow = (ip_network("127.0.0.1/32"), ip_network("fd00:1::/64"))

    assert refusal("127.0.0.1", allow) is None
    assert refusal("::ffff:127.0.0.1", allow) is None
    assert refusal("fd00:1::5", allow) is None
    assert refusal("127.0.0.2", allow) == "loopback (RFC 1122)"
    assert refusal("::1", allow) == "loopback (RFC 4291)"
    assert refusal("fd00:2::5", allow) == "unique local (RFC 4193)"


def test_a_zone_is_refused_even_in_an_allowed_network() -> None:
    assert refusal("fe80::1%eth0", (ip_network("fe80::/10"),)) is not None
