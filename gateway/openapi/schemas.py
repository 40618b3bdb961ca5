"""JSON Schemas of all models that the routes name, as components that refer to each other.

Decides how a model reads in the document: no titles that repeat a field's name, no notes for
programmers. Requests are described as they are read, answers as they are written.
"""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import (
    GenerateJsonSchema,
    JsonSchemaMode,
    models_json_schema,
)

from gateway.openapi.operation import Operation
from gateway.openapi.problem import ProblemDetails
from gateway.openapi.reference import TEMPLATE

_NOTES = "\n\nAttributes:"
_Key = tuple[type[BaseModel], JsonSchemaMode]


class _Quiet(GenerateJsonSchema):
    """Leaves out the titles that only repeat a field's name."""

    def field_title_should_be_set(self, schema: object) -> bool:
        del schema
        return False


class Schemas:
    """The schemas of all models that `operations` name."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        wanted: dict[_Key, None] = {(ProblemDetails, "serialization"): None}
        queries: dict[_Key, None] = {}
        for operation in operations:
            if operation.body is not None:
                wanted[operation.body, "validation"] = None
            if operation.query is not None:
                queries[operation.query, "validation"] = None
            for answer in operation.answers.values():
                for model in answer.content.values():
                    if model is not None:
                        wanted[model, "serialization"] = None
        self._refs, found = models_json_schema(
            [*wanted, *queries], ref_template=TEMPLATE, schema_generator=_Quiet
        )
        self._all: dict[str, Any] = found.get("$defs", {})
        self._queries = {self._name(*key) for key in queries}
        for schema in self._all.values():
            if "description" in schema:
                schema["description"] = schema["description"].partition(_NOTES)[0]

    def reference(self, model: type[BaseModel], mode: JsonSchemaMode) -> dict[str, Any]:
        """Return a reference to the schema of `model`."""
        return dict(self._refs[model, mode])

    def properties(self, query: type[BaseModel]) -> tuple[dict[str, Any], set[str]]:
        """Return the schemas of a query's parameters by name, and which are required."""
        schema = self._all[self._name(query, "validation")]
        return schema["properties"], set(schema.get("required", ()))

    def components(self) -> dict[str, Any]:
        """Return what is referred to; a query is spread over its parameters."""
        return {
            name: schema for name, schema in sorted(self._all.items()) if name not in self._queries
        }

    def _name(self, model: type[BaseModel], mode: JsonSchemaMode) -> str:
        return str(self._refs[model, mode]["$ref"]).rpartition("/")[2]
