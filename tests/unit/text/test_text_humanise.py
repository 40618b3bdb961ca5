import pytest

from contex.text import humanise


@pytest.mark.parametrize(
    ("identifier", "expected"),
    [
        ("tech_stack", "tech stack"),
        ("techStack", "tech stack"),
        ("TechStack", "tech stack"),
        ("tech-stack", "tech stack"),
        ("tech.stack", "tech stack"),
        ("services/payments/retry-policy.max_delay", "services payments retry policy max delay"),
        ("C:\\Users", "c users"),
        ("urn:shop:item", "urn shop item"),
        ("MAX_RETRIES", "max retries"),
        ("userID", "user id"),
        ("HTTPServer", "http server"),
        ("parseHTTPRequest", "parse http request"),
        ("userIDs", "user ids"),
        ("IDs", "ids"),
        ("URLsToFetch", "urls to fetch"),
        ("aBigDeal", "a big deal"),
        ("getAValue", "get a value"),
        ("OAuthToken", "oauth token"),
        ("useGraphQL", "use graphql"),
        ("IPv4Address", "ipv4 address"),
        ("sha256", "sha256"),
        ("sha256Sum", "sha256 sum"),
        ("http2_port", "http2 port"),
        ("address1", "address1"),
        ("v1.2.3", "v1.2.3"),
        ("api/v1.2", "api v1.2"),
        ("2024-01-31", "2024-01-31"),
        ("10.0.0.1", "10.0.0.1"),
        ("report-2024", "report 2024"),
        ("__init__", "init"),
        ("$ref", "$ref"),
        ("@type", "@type"),
        ("First name", "first name"),
        ("größeÄndern", "größe ändern"),
        ("数据", "数据"),
        ("a\tb\nc", "a b c"),
        ("", ""),
        ("___", "___"),
        (" ", ""),
    ],
)
def test_humanise(identifier: str, expected: str) -> None:
    assert humanise(identifier) == expected
