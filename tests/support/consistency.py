"""The checker at the end of a test: whatever happened, every agent has what it is owed."""

import asyncio
from dataclasses import replace

from contex.check.findings import Report
from contex.settings import Settings
from topology.commands.checking import Asked, Checked, examine

WAIT_S = 120.0


def checked(bootstrap: str, index_port: int, asked: Asked | None = None) -> Checked:
    """Check a stack that runs, once routing has finished what is written."""
    settings = Settings().model_copy(
        update={
            "kafka_bootstrap_servers": bootstrap,
            "qdrant_url": f"http://127.0.0.1:{index_port}",
            "qdrant_grpc_port": index_port,
        }
    )
    wanted = replace(asked or Asked(), wait_s=WAIT_S)
    return asyncio.run(examine(settings, wanted, lambda _what, _done, _total: None))


def assert_consistent(bootstrap: str, index_port: int, asked: Asked | None = None) -> Report:
    """Fail if an agent lacks what it is owed, or was told what it is not."""
    found = checked(bootstrap, index_port, asked)
    report = found.report
    assert report.consistent, f"{dict(report.counts)}: {report.findings[:10]}"
    assert found.waiting == 0, f"{found.waiting} records were not routed in {WAIT_S:.0f} s"
    return report
