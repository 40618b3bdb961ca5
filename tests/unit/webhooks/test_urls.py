import socket
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contex.errors import InvalidValue
from contex.webhooks.urls import check_url, read_number


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "https://example.com/hook?token=a%20b&x=@",
        "http://example.com:8080/",
        "HTTPS://EXAMPLE.COM/Hook",
        "https://xn--bcher-kva.example/hook",
        "https://hooks.internal-name.example./x",
        "https://8.8.8.8/hook",
        "https://[2a00:1450:4001:81b::200e]:8443/hook",
        "https://1e100.net/",
        "https://0x.example/",
        "https://under_score.example/",
    ],
)
def test_accepted(url: str) -> None:
    assert check_url(url, ()) == url


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("", "https://"),
        ("example.com/hook", "https://"),
        ("ftp://example.com/", "https://"),
        ("file:///etc/passwd", "https://"),
        ("gopher://example.com/", "https://"),
        ("//example.com/", "https://"),
        ("https://", "host"),
        ("https:///hook", "host"),
        ("https://?x", "host"),
        ("https://user:secret@example.com/", "user name"),
        ("https://@example.com/", "user name"),
        ("https://example.com#@127.0.0.1/", "fragment"),
        ("https://example.com/#", "fragment"),
        ("https://example.com/a b", "printable"),
        ("https://example.com/\r\nX-Header: 1", "printable"),
        ("https://example.com\t.evil/", "printable"),
        ("https://example.com\\@127.0.0.1/", "backslash"),
        ("https://b\N{LATIN SMALL LETTER U WITH DIAERESIS}cher.example/", "xn--"),
        ("https://\N{FULLWIDTH DIGIT ONE}27.0.0.1/", "xn--"),
        ("https://example.com:0/", "port"),
        ("https://example.com:65536/", "not a URL"),
        ("https://example.com:x/", "not a URL"),
        ("https://exa%6dple.com/", "no legal name"),
        ("https://-example.com/", "no legal name"),
        ("https://a..b/", "no legal name"),
        ("https://" + "a" * 300 + "/", "no legal name"),
        ("https://example.com/" + "a" * 2_048, "at most 2048"),
        ("https://[::1", "not a URL"),
        ("https://[nonsense]/", "U"),
        ("https://256.1.1.1/", "looks like"),
        ("https://1.2.3.4.5/", "looks like"),
        ("https://example.0x1/", "looks like"),
    ],
)
def test_refused_naming_the_field_and_the_rule(url: str, rule: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        check_url(url, ())

    assert caught.value.field == "webhook_url"
    assert rule in str(caught.value)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1.",
        "127.1",
        "2130706433",
        "017700000001",
        "0x7f000001",
        "0x7F.0.0.1",
        "0177.0.0.1",
        "0x7f.1",
        "127.0x0.00.01",
        "0",
        "169.254.169.254",
        "0xa9fea9fe",
        "2852039166",
        "025177524776",
        "10.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:a9fe:a9fe]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:a9fe:a9fe::]",
        "[fe80::1%25eth0]",
        "[fd00:ec2::254]",
        "localhost",
        "LOCALHOST",
        "foo.localhost",
        "localhost.",
    ],
)
def test_a_host_that_is_a_refused_address_in_any_spelling(host: str) -> None:
    with pytest.raises(InvalidValue, match="may not reach"):
        check_url(f"http://{host}/hook", ())


@pytest.mark.parametrize("host", ["127.0.0.1:9000", "localhost:9000", "a.localhost", "localhost."])
def test_an_allowed_network_is_accepted(host: str) -> None:
    url = f"http://{host}/hook"

    assert check_url(url, (ip_network("127.0.0.0/8"),)) == url


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f.1", "0177.0.0.1"])
def test_an_odd_spelling_of_an_allowed_address_is_refused(host: str) -> None:
    with pytest.raises(InvalidValue, match=r"must write its IPv4 address as 127\.0\.0\.1"):
        check_url(f"http://{host}/hook", (ip_network("127.0.0.0/8"),))


@pytest.mark.parametrize("host", ["", "1.2.3.4.5", "0x", "1..2", "09", "4294967296", "1.16777216"])
def test_what_is_no_number(host: str) -> None:
    assert read_number(host) is None


parts = st.integers(0, 2**33).flatmap(
    lambda number: st.sampled_from([str(number), hex(number), f"0{number:o}"])
)


@given(st.lists(parts, min_size=1, max_size=5))
def test_numbers_are_read_as_the_resolver_reads_them(texts: list[str]) -> None:
    host = ".".join(texts)
    try:
        expected = socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        expected = None

    got = read_number(host)

    assert (None if got is None else str(got)) == expected
