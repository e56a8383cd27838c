"""Servers on a throw-away folder, as tests use them."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import redis

from app import embedded

ROOT = Path(__file__).parents[2]

HOLDER = """
import signal
from app import embedded
with embedded.temporary() as servers:
    print(servers.home, flush=True)
    signal.pause()
"""


def processes_in(home: Path) -> list[int]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.fsencode(home) in (process / "cmdline").read_bytes():
                found.append(int(process.name))
        except OSError:
            continue
    return found


def test_both_servers_answer_and_leave_nothing() -> None:
    with embedded.temporary() as servers:
        with psycopg.connect(servers.superuser_url) as connection:
            assert connection.execute("SHOW fsync").fetchone() == ("off",)
        assert redis.from_url(servers.redis_url).ping()
        assert len(processes_in(servers.home)) >= 3
    assert not servers.home.exists()
    assert processes_in(servers.home) == []


def test_it_can_be_prepared_like_any_other() -> None:
    with embedded.temporary() as servers, psycopg.connect(servers.prepare().owner) as connection:
        assert connection.info.dbname == "tocsin"


def test_two_at_a_time_do_not_meet() -> None:
    with embedded.temporary() as one, embedded.temporary() as other:
        redis.from_url(one.redis_url).set("key", "one")
        assert redis.from_url(other.redis_url).get("key") is None


def test_a_killed_process_leaves_nothing(await_ends: Callable[[list[int]], None]) -> None:
    argv = [sys.executable, "-c", HOLDER]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        home = Path(holder.stdout.readline().strip())
        running = processes_in(home)  # the janitor among them: it ends last, when all is removed
        assert len(running) >= 3
        holder.send_signal(signal.SIGKILL)
    await_ends(running)
    assert not home.exists()
