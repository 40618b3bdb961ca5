"""The files of the page that shows the description, all of them from this machine.

Decides which files there are: two of our own and three of Swagger UI, as its package brings them.
Nothing else of that package is served, and none of its code runs.
"""

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

PACKAGE: Final = "swagger_ui"
PAGE: Final = "page.html"

_OURS: Final = Path(__file__).parent
_TYPES: Final = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".png": "image/png",
}
_THEIRS: Final = {
    "swagger-ui-bundle.js": "swagger-ui-bundle.js",
    "swagger-ui.css": "swagger-ui.css",
    "favicon.png": "favicon-32x32.png",
}
ASSETS: Final = ("start.js", *_THEIRS)
"""What the page asks for."""


@dataclass(frozen=True, slots=True)
class File:
    """A file to be served."""

    content: bytes
    content_type: str


def page() -> File:
    """Return the page."""
    return _read(_OURS / PAGE)


def asset(name: str) -> File | None:
    """Return one of `ASSETS`, or None when it is none."""
    if name in _THEIRS:
        return _read(_static() / _THEIRS[name])
    return _read(_OURS / name) if name in ASSETS else None


def _static() -> Path:
    spec = find_spec(PACKAGE)  # found, not imported: it would bring a template engine
    assert spec is not None, f"{PACKAGE} is installed with the gateway"
    assert spec.origin is not None, f"{PACKAGE} is a package of files"
    return Path(spec.origin).parent / "static"


@cache
def _read(path: Path) -> File:
    return File(path.read_bytes(), _TYPES[path.suffix])
