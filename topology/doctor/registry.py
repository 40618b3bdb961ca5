"""The schema registry, where there is one: does it take what this release writes?

Decides what its answers mean for a person. Registers nothing. Needs the server's libraries.
"""

from collections.abc import Sequence

import schemas
from contex.log.registry import RegistrySchemas, Standing
from contex.settings.reading import without_password
from topology.doctor.findings import Finding, fail, ok, warn
from topology.doctor.surroundings import Surroundings


def look_at_schemas(where: Surroundings) -> Sequence[Finding]:
    """Check what the schema registry says of the schemas that this release writes."""
    subject = "schemas"
    url = where.value("SCHEMA_REGISTRY_URL")
    if url is None:
        return [ok(subject, "no registry: the fixed ids of this release")]
    shown = without_password(str(url))
    registry = RegistrySchemas(str(url))
    standing = {
        name: registry.standing(topic, name) for name, topic in schemas.subject_topics().items()
    }
    refused = [name for name, one in standing.items() if one is Standing.REFUSED]
    if refused:
        step = "Another program registered there? The gateway and workers will not start."
        return [fail(subject, f"{shown} refuses as incompatible: {', '.join(refused)}", step)]
    absent = [name for name, one in standing.items() if one is not Standing.CURRENT]
    if absent:
        step = "The gateway and workers register them when they start."
        return [warn(subject, f"{shown} lacks this release's: {', '.join(absent)}", step)]
    return [ok(subject, f"{shown} has all {len(standing)}")]
