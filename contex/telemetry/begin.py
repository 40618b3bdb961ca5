"""How every process begins: settings, logs, and the name of its release.

Decides nothing but the order: even a wrong setting is told in the shape of every other line.
"""

import os
from importlib.metadata import PackageNotFoundError, version

from contex.errors import CallerError
from contex.settings import Settings, load_settings
from contex.settings.reading import unknown
from contex.telemetry import metrics
from contex.telemetry.logs import configure, get_logger

DISTRIBUTION = "contex-stream"
UNKNOWN_VERSION = "unknown"

_log = get_logger(__name__)


def begin(service: str) -> Settings:
    """Read the settings, set up the logs, and return the settings.

    Raises:
        CallerError: naming every setting that is wrong.
    """
    try:
        settings = load_settings()
    except CallerError:
        configure(Settings.model_construct(), service)
        _point_out_unknown()
        raise
    configure(settings, service)
    _point_out_unknown()
    metrics.BUILD_INFO.labels(service, release()).set(1)
    return settings


def _point_out_unknown() -> None:
    for slip in unknown(os.environ):
        _log.warning("settings.unknown", name=slip.name, meant=slip.meant, about=str(slip))


def release() -> str:
    """Return the version that is installed."""
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return UNKNOWN_VERSION
