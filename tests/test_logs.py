"""Log lines never get in the way of what they tell of."""

import subprocess
import sys
from pathlib import Path

import pytest

FULL = Path("/dev/full")
LOGS = """
import structlog
from app import logs
from app.settings import Settings
logs.configure(Settings())
for n in range(1000):
    structlog.get_logger().error("stored", n=n)
print("answered")
"""


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full here")
def test_a_full_disk_loses_log_lines_and_nothing_else() -> None:
    with FULL.open("w") as full:
        ran = subprocess.run(
            [sys.executable, "-c", LOGS], stdout=subprocess.PIPE, stderr=full, text=True
        )
    assert ran.stdout == "answered\n"
