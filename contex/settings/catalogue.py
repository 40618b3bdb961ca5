"""The catalogue of settings: every variable that Contex reads, once.

Decides names, defaults, units, reasons, what is secret, and who reads what. The model that servers
load, `.env.example`, the reference page and `contex settings` all come from here. Pure data: needs
no library, so that the command line can explain settings where only the client is installed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, get_args

from contex.settings.kinds import (
    PORT_MAX,
    Choice,
    Keys,
    Kind,
    Networks,
    Servers,
    Text,
    Url,
    Whole,
)

Embedder = Literal["openvino", "sentence-transformers", "deterministic"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
LogFormat = Literal["auto", "json", "console"]

_PREFIX = "CONTEX_"
_NAME = r"[A-Za-z0-9._-]{1,64}"
_A_NAME = "a name of 1 to 64 characters of A-Z a-z 0-9 . _ -"


class Process(StrEnum):
    """Who reads settings."""

    GATEWAY = "gateway"
    ROUTING = "routing"
    WEBHOOKS = "webhooks"
    TOPICS = "topics"
    MODELS = "models"
    CLIENT = "client"


SERVERS = (Process.GATEWAY, Process.ROUTING, Process.WEBHOOKS)
WORKERS = (Process.ROUTING, Process.WEBHOOKS)
_LOG = (*SERVERS, Process.TOPICS)


@dataclass(frozen=True, slots=True)
class Setting:
    """One variable.

    Attributes:
        name: of the variable.
        kind: how its text is read.
        default: as it would be written; None means that it is not set.
        reason: what it is for, and what to consider.
        readers: the processes that read it.
        unit: what its number counts.
        secret: its value is never shown.
        credentials: an address that may carry a password, which is never shown.
    """

    name: str
    kind: Kind
    default: str | None
    reason: str
    readers: tuple[Process, ...]
    unit: str | None = None
    secret: bool = False
    credentials: bool = False

    @property
    def field(self) -> str:
        """Its name in code."""
        return self.name.removeprefix(_PREFIX).lower()

    @property
    def value(self) -> object:
        """Its default, read."""
        return None if self.default is None else self.kind.parse(self.default)


SETTINGS = (
    Setting(
        "KAFKA_BOOTSTRAP_SERVERS",
        Servers(),
        "127.0.0.1:9092",
        "Where Kafka is. Some brokers of the cluster are enough; the rest is learnt from them.",
        _LOG,
        credentials=True,  # none are read, but somebody may try
    ),
    Setting(
        "SCHEMA_REGISTRY_URL",
        Url("an http or https URL, such as http://user:password@registry:8081"),
        None,
        "A registry with Confluent's interface. Not set: the fixed schema ids of"
        " [topics.md](topics.md#a-record). The same for all processes, and decided before the"
        " first record.",
        _LOG,
        credentials=True,
    ),
    Setting(
        "QDRANT_URL",
        Url(),
        "http://127.0.0.1:6333",
        "Where the index is; `https` for TLS. Its port is not used: the index is spoken to over"
        " gRPC.",
        (Process.GATEWAY, Process.ROUTING),
        credentials=True,
    ),
    Setting(
        "QDRANT_GRPC_PORT",
        Whole(1, PORT_MAX),
        "6334",
        "Where the index speaks gRPC.",
        (Process.GATEWAY, Process.ROUTING),
        unit="port",
    ),
    Setting(
        "QDRANT_API_KEY",
        Text("any text"),
        None,
        "Sent to the index with every call.",
        (Process.GATEWAY, Process.ROUTING),
        secret=True,
    ),
    Setting(
        "CONTEX_TENANT",
        Text(_A_NAME, _NAME),
        "default",
        "Whom a gateway serves. Workers serve all tenants.",
        (Process.GATEWAY,),
    ),
    Setting(
        "CONTEX_HOST",
        Text("a host name or an address", r"[A-Za-z0-9._:-]+"),
        "127.0.0.1",
        "The address that the gateway listens on; `0.0.0.0` for all. Set `CONTEX_API_KEY` before"
        " you open it.",
        (Process.GATEWAY,),
    ),
    Setting(
        "CONTEX_PORT",
        Whole(0, PORT_MAX),
        "8000",
        "The gateway's port; 0 for any free one.",
        (Process.GATEWAY,),
        unit="port",
    ),
    Setting(
        "CONTEX_API_KEY",
        Text("16 to 512 visible characters of ASCII, without blanks", r"[!-~]{16,512}"),
        None,
        "What callers of the gateway must show. Not set: the gateway answers everybody. The"
        " client and the command line send theirs.",
        (Process.GATEWAY, Process.CLIENT),
        secret=True,
    ),
    Setting(
        "CONTEX_HEALTH_PORT",
        Whole(0, PORT_MAX),
        None,
        "Where a worker answers health and metrics, on all interfaces. Not set: nowhere.",
        WORKERS,
        unit="port",
    ),
    Setting(
        "CONTEX_EMBEDDER",
        Choice(get_args(Embedder)),
        "openvino",
        "What turns texts into vectors: `openvino` is fast and small, `sentence-transformers` (an"
        " extra) runs any model, `deterministic` knows no meaning and is for tests.",
        (Process.GATEWAY, Process.ROUTING),
    ),
    Setting(
        "CONTEX_MODEL",
        Text("a model's name or the folder that holds it"),
        "all-MiniLM-L6-v2",
        "A model's name or its folder. Another model is another index, filled from the log.",
        (Process.GATEWAY, Process.ROUTING, Process.MODELS),
    ),
    Setting(
        "CONTEX_SECRET_KEYS",
        Keys(),
        None,
        "Fernet keys that encrypt webhook secrets, newest first: the first encrypts, all decrypt."
        " The same for gateways and webhook workers. Not set: no webhooks.",
        (Process.GATEWAY, Process.WEBHOOKS),
        secret=True,
    ),
    Setting(
        "CONTEX_WEBHOOK_ALLOW",
        Networks(),
        "",
        "Networks that [webhooks may reach](webhooks.md#the-address-guard) beside the public"
        " internet. The same for gateways and webhook workers.",
        (Process.GATEWAY, Process.WEBHOOKS),
    ),
    Setting(
        "CONTEX_WEBHOOK_ATTEMPTS_MAX",
        Whole(1, 16),
        "16",
        "How often a webhook is tried in all; 16 tries take almost 3 days.",
        (Process.WEBHOOKS,),
        unit="tries",
    ),
    Setting(
        "CONTEX_LOG_LEVEL",
        Choice(get_args(LogLevel)),
        "INFO",
        "What is logged. At `INFO`, one line per request, record and webhook try.",
        SERVERS,
    ),
    Setting(
        "CONTEX_LOG_FORMAT",
        Choice(get_args(LogFormat)),
        "auto",
        "How: `json`, or `console` for people; `auto` is the console on a terminal, else JSON.",
        SERVERS,
    ),
    Setting(
        "CONTEX_URL",
        Url(bare=True),
        "http://127.0.0.1:8000",
        "The gateway that the client and the command line talk to.",
        (Process.CLIENT,),
        credentials=True,
    ),
    Setting(
        "CONTEX_PROJECT",
        Text(_A_NAME, _NAME),
        None,
        "The project of a client's calls that name none.",
        (Process.CLIENT,),
    ),
)
"""All of them, in the order in which they are explained."""

BY_NAME: Mapping[str, Setting] = {setting.name: setting for setting in SETTINGS}
BY_FIELD: Mapping[str, Setting] = {setting.field: setting for setting in SETTINGS}
