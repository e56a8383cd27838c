"""Numbers of processes that died stay in the sum, and their files do not."""

import signal
import subprocess
from pathlib import Path

from tests.metrics.conftest import Shared

COUNTS = """
import sys
from app import metrics
from app.metrics import notes, numbers
metrics.watch(numbers.MEMORY_BYTES, lambda: 100)
metrics.begin()
metrics.note(numbers.SCORES, 3)
metrics.note_request("GET", "/healthz", 200, 0.003)
notes.add_up()
notes.sample()
print("counted", flush=True)
sys.stdin.read()
"""


def counting(shared: Shared) -> "subprocess.Popen[str]":
    process = shared.start(COUNTS)
    assert process.stdout is not None
    assert process.stdout.readline() == "counted\n"
    return process


def kill(process: "subprocess.Popen[str]") -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("*.db")}


def test_a_killed_process_leaves_what_it_counted_and_not_what_it_held(shared: Shared) -> None:
    living, dying = counting(shared), counting(shared)
    try:
        assert shared.value("tocsin_scores_total") == 6
        assert shared.value("tocsin_series_memory_bytes") == 200
        kill(dying)
        for _ in range(2):  # its files are put together by the first who looks
            assert shared.value("tocsin_scores_total") == 6
            assert shared.value("tocsin_http_request_seconds_count") == 2
            assert shared.value("tocsin_series_memory_bytes") == 100
        assert not [name for name in files(shared.folder) if str(dying.pid) in name]
    finally:
        kill(living)


def test_processes_that_die_again_and_again_leave_no_more_files(shared: Shared) -> None:
    for _ in range(2):
        kill(counting(shared))
    before = len(files(shared.folder))
    for _ in range(2):  # each puts together what those before it left, though nobody asks
        kill(counting(shared))
    assert len(files(shared.folder)) == before
    assert shared.value("tocsin_scores_total") == 12


def test_a_file_that_is_just_being_made_is_left_alone(shared: Shared) -> None:
    kill(counting(shared))
    (shared.folder / "counter_1.db").touch()  # process 1 lives
    assert shared.value("tocsin_scores_total") == 3
