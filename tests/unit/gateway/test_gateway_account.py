"""What a request's line is written at: probes that are answered are noise, all else is not."""

from gateway_app import serving
from structlog.testing import capture_logs

from contex.telemetry.canonical import HTTP_REQUEST


async def test_probes_that_are_answered_are_told_in_detail_alone() -> None:
    async with serving() as gateway:
        with capture_logs() as lines:
            for path in ("/health/live", "/metrics", "/health/ready?x", "/nothing"):
                await gateway.ask("GET", path)
            await gateway.get("/projects/p/data")

    told = [(one["route"], one["log_level"]) for one in lines if one["event"] == HTTP_REQUEST]
    assert told == [
        ("/health/live", "debug"),
        ("/metrics", "debug"),
        ("/health/ready", "debug"),
        ("unknown", "info"),
        ("/api/v1/projects/{project_id}/data", "info"),
    ]
