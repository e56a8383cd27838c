"""The server's parent: one process that dies does not take the others with it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest

from tests.service import Service, free_port, wait_until

ROOT = Path(__file__).parents[2]


@pytest.fixture
def own(service: Service) -> Iterator[Service]:
    """For a server of two processes, as `tocsin serve` runs it."""
    port = str(free_port())
    environment = {**service.environment, "TOCSIN_PORT": port, "TOCSIN_API_PROCESSES": "2"}
    url = f"http://127.0.0.1:{port}"
    made = replace(service, environment=environment, url=url, processes={})
    yield made
    made.stop_all()


def living(parent: int) -> set[int]:
    found = psutil.Process(parent).children()
    return {one.pid for one in found if one.status() != psutil.STATUS_ZOMBIE}


def kill_and_await_the_next(parent: int, survivor: int) -> None:
    before = living(parent)
    [dying] = before - {survivor}
    psutil.Process(dying).kill()
    wait_until(lambda: living(parent) - before, "another takes its place")


def test_a_process_killed_again_right_after_its_respawn_leaves_the_others_at_work(
    own: Service,
) -> None:
    parent = own.start("served", "app.cli.served")
    wait_until(own._answers, "the server answers")
    wait_until(lambda: len(living(parent.pid)) == 2, "both run")
    survivor = min(living(parent.pid))
    for _ in range(3):
        kill_and_await_the_next(parent.pid, survivor)
        assert own._answers()
    assert survivor in living(parent.pid)
    assert parent.poll() is None
    parent.send_signal(signal.SIGTERM)
    assert parent.wait(30) == 0


def test_as_many_processes_as_processors_keep_to_one_each_also_the_next_of_a_dead_one(
    own: Service,
) -> None:
    all_of_them = os.sched_getaffinity(0)
    here = sorted(all_of_them)[:2]
    own.environment["TOCSIN_API_PROCESSES"] = str(len(here))
    os.sched_setaffinity(0, here)
    try:
        parent = own.start("served", "app.cli.served")
    finally:
        os.sched_setaffinity(0, all_of_them)
    wait_until(own._answers, "the server answers")
    assert _processors(parent.pid) == [{one} for one in here]
    psutil.Process(min(living(parent.pid))).kill()
    wait_until(lambda: len(living(parent.pid)) == len(here), "another takes its place")
    wait_until(lambda: _processors(parent.pid) == [{one} for one in here], "as before")


def _processors(parent: int) -> list[set[int]]:
    return sorted((os.sched_getaffinity(pid) for pid in living(parent)), key=min)


def test_a_start_that_no_process_survives_ends_the_parent_too(own: Service, servers: Any) -> None:
    own.environment["TOCSIN_DATABASE_URL"] = servers.superuser_url
    assert own.start("served", "app.cli.served").wait(60) == 1


STARTER = """
import subprocess, sys
server = subprocess.Popen([sys.executable, "-m", "app.cli.served"])
print(server.pid, flush=True)
server.wait()
"""


def test_a_parent_whose_starter_died_without_a_word_stops(own: Service) -> None:
    command = [sys.executable, "-c", STARTER]
    starter = subprocess.Popen(command, env=own.environment, cwd=ROOT, stdout=subprocess.PIPE)
    assert starter.stdout
    parent = psutil.Process(int(starter.stdout.readline()))
    wait_until(own._answers, "the server answers")
    starter.kill()
    starter.communicate()
    gone, _ = psutil.wait_procs([parent], timeout=30)
    assert gone == [parent]
