"""Qdrant's gRPC messages, without the client around them.

Decides only how they are imported: the client's package takes two seconds and 60 MB, of which its
messages are a tenth, and the engine is back after a crash as fast as it starts.
"""

import importlib
import importlib.util
import sys
from typing import TYPE_CHECKING

__all__ = ["wire"]

_CLIENT = "qdrant_client"

if TYPE_CHECKING:
    from qdrant_client import grpc as wire
elif _CLIENT in sys.modules:
    wire = importlib.import_module(f"{_CLIENT}.grpc")
else:
    # The package is entered without being run; whoever imports it later gets the whole of it.
    sys.modules[_CLIENT] = importlib.util.module_from_spec(importlib.util.find_spec(_CLIENT))
    wire = importlib.import_module(f"{_CLIENT}.grpc")
    del sys.modules[_CLIENT]
