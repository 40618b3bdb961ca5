"""Which gateway a client talks to and as whom: its arguments, else the environment.

Decides defaults by the catalogue of settings. Never shows a key.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from urllib.parse import urlsplit

from contex.client.asking import name_of, wrong
from contex.settings.catalogue import BY_NAME
from contex.settings.kinds import with_scheme
from contex.settings.reading import without_password

URL, API_KEY, PROJECT = (
    BY_NAME[name] for name in ("CONTEX_URL", "CONTEX_API_KEY", "CONTEX_PROJECT")
)
_PRINTABLE = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class Configuration:
    """Where the gateway is, and who asks.

    Attributes:
        project: of calls that name none.
    """

    url: str
    api_key: str | None = field(repr=False)
    project: str | None

    @property
    def headers(self) -> dict[str, str]:
        """The headers of every request."""
        headers = {"User-Agent": f"contex-python/{_version()}", "Accept": "*/*"}
        if self.api_key is not None:
            headers["Authorization"] = f"Bearer {self.api_key}"
        return headers


def configure(
    url: str | None, api_key: str | None, project: str | None, environ: Mapping[str, str]
) -> Configuration:
    """Return what is given, else what the environment says, else the defaults.

    Raises:
        InvalidRequest: something of it is no URL, no key or no name.
    """
    chosen_url = with_scheme(url or environ.get(URL.name) or URL.default or "")
    if not _is_url(chosen_url):
        shown = without_password(chosen_url)[:200]
        raise wrong("url", f"must be http://host:port or https://..., got {shown!r}")
    key = api_key or environ.get(API_KEY.name) or None
    if key is not None and not _PRINTABLE.fullmatch(key):
        raise wrong("api_key", "must be visible ASCII characters, without blanks")
    chosen_project = project or environ.get(PROJECT.name) or None
    if chosen_project is not None:
        name_of(chosen_project, "project")
    return Configuration(chosen_url.rstrip("/"), key, chosen_project)


def _is_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        reachable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and reachable and not (parts.query or parts.fragment)


def _version() -> str:
    try:
        return version("contex-stream")
    except PackageNotFoundError:
        return "unknown"
