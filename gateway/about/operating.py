"""What the routes of health and metrics say of themselves."""

from typing import Final

from gateway.answers import Alive, Ready
from gateway.codes import Code
from gateway.openapi.operation import Answer, Operation, Tag

_READY: Final = {
    200: Answer.of(
        Ready,
        "Requests can be served.",
        examples={"ready": {"status": "ok", "checks": {"started": True, "kafka": True}}},
    )
}

HEALTH: Final = Operation(
    name="health",
    summary="Is the gateway ready",
    description="The same as `/health/ready`.",
    tag=Tag.OPERATING,
    answers=_READY,
    problems=(Code.NOT_READY,),
)
READY: Final = Operation(
    name="healthReady",
    summary="Is the gateway ready",
    tag=Tag.OPERATING,
    answers=_READY,
    problems=(Code.NOT_READY,),
)
LIVE: Final = Operation(
    name="healthLive",
    summary="Is the gateway alive",
    tag=Tag.OPERATING,
    answers={200: Answer.of(Alive, "The event loop turns.", examples={"alive": {"status": "ok"}})},
)
METRICS: Final = Operation(
    name="metrics",
    summary="What the gateway measures",
    description="In the text format of Prometheus.",
    tag=Tag.OPERATING,
    answers={200: Answer("The metrics.", {"text/plain": None})},
)
