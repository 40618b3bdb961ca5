import subprocess
import sys

import pytest

from workers.watchdog import EXIT_STALLED
from workers.webhooks.__main__ import DELIVERY_S_MAX

STUCK = "from workers.webhooks.__main__ import end_if_stuck; end_if_stuck({age_s}); print('alive')"


@pytest.mark.parametrize(
    ("age_s", "status"), [(DELIVERY_S_MAX, 0), (DELIVERY_S_MAX + 1, EXIT_STALLED)]
)
def test_a_delivery_that_does_not_return_ends_the_process(age_s: float, status: int) -> None:
    """In a process of its own, which it ends."""
    command = [sys.executable, "-c", STUCK.format(age_s=age_s)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert ended.returncode == status, ended.stderr
    assert ("alive" in ended.stdout) == (status == 0)
    assert ("a delivery has been in hand for 241 s" in ended.stderr) == (status != 0)
