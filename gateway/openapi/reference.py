"""References into the document's components. Decides their form alone."""

from typing import Any

TEMPLATE = "#/components/schemas/{model}"


def ref(section: str, name: str) -> dict[str, Any]:
    """Return a reference to the component `name` of `section`."""
    return {"$ref": f"#/components/{section}/{name}"}
