"""What processes are told by their environment.

`Settings` and `load_settings` need the server's libraries and are imported on first use; the
catalogue and its reading need none.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from contex.settings.model import Settings, load_settings

__all__ = ["Settings", "load_settings"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the model exports
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from contex.settings import model  # noqa: PLC0415 - a client has no pydantic

    return getattr(model, name)
