"""What the routes of the description say of themselves."""

from typing import Final

from gateway.codes import Code
from gateway.docs.files import ASSETS
from gateway.openapi.operation import ANY_BYTES, JSON, OCTETS, Answer, Header, Operation, Tag

_ETAG: Final = Header("ETag", "Changes with the document.", required=True)
_POLICY: Final = Header(
    "Content-Security-Policy", "The page loads nothing from elsewhere.", required=True
)

DOCUMENT: Final = Operation(
    name="describe",
    summary="This document",
    tag=Tag.OPERATING,
    reads=(Header("If-None-Match", "An ETag that the caller has."),),
    answers={
        200: Answer("OpenAPI 3.1.", {JSON: None}, headers=(_ETAG,)),
        304: Answer("The caller has it.", headers=(_ETAG,)),
    },
)
PAGE: Final = Operation(
    name="showDescription",
    summary="This document as a page",
    description="Swagger UI, from this gateway alone.",
    tag=Tag.OPERATING,
    answers={200: Answer("The page.", {"text/html": None}, headers=(_POLICY,))},
)
ASSET: Final = Operation(
    name="describeAsset",
    summary="A file of the page",
    description=f"One of {', '.join(f'`{name}`' for name in ASSETS)}.",
    tag=Tag.OPERATING,
    answers={200: Answer("The file.", {OCTETS: None, ANY_BYTES: None})},
    problems=(Code.NOT_FOUND,),
)
