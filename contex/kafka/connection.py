"""Which cluster, which registry and which project are meant: what is given, else the environment.

Decides defaults by the catalogue of settings.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from contex.errors import InvalidName
from contex.log.registry import RegistrySchemas
from contex.records.codec import Codec
from contex.records.names import Scope
from contex.records.schema_source import PinnedSchemas
from contex.settings.catalogue import BY_NAME


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """Where records are written and read.

    Attributes:
        project: of calls that name none; else CONTEX_PROJECT.
        tenant: else CONTEX_TENANT, else `default`.
        bootstrap: `host:port`, comma separated; else KAFKA_BOOTSTRAP_SERVERS.
        schema_registry_url: else SCHEMA_REGISTRY_URL; without any, the fixed ids of the package.
        client: more of the Kafka client's configuration, such as its security.
    """

    project: str | None = None
    tenant: str | None = None
    bootstrap: str | None = None
    schema_registry_url: str | None = None
    client: Mapping[str, object] = field(default_factory=dict)

    def scope(self, project: str | None = None) -> Scope:
        """Return the project that is meant.

        Raises:
            InvalidName: none is given, or it is no name.
        """
        default = self.project or _setting("CONTEX_PROJECT")
        chosen = default if project is None else project
        if chosen is None:
            raise InvalidName("project is not given, nor CONTEX_PROJECT set", field="project")
        return Scope(self.tenant or _setting("CONTEX_TENANT") or "", chosen)

    @property
    def servers(self) -> str:
        """The brokers to ask first."""
        return self.bootstrap or _setting("KAFKA_BOOTSTRAP_SERVERS") or ""

    def codec(self) -> Codec:
        """Return what writes and reads records. The registry is asked when it is first needed."""
        url = self.schema_registry_url or _setting("SCHEMA_REGISTRY_URL")
        return Codec(PinnedSchemas() if url is None else RegistrySchemas(url))


def _setting(name: str) -> str | None:
    return os.environ.get(name) or BY_NAME[name].default
