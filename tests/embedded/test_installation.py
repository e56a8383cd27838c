"""Both servers on one folder, through what befalls them; each supervisor is a real process."""

import contextlib
import os
import signal
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest
import redis

from app import embedded
from tests.service import wait_until

AwaitEnds = Callable[[list[int]], None]


def store(urls: dict[str, Any], number: int) -> None:
    with psycopg.connect(urls["owner"]) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (number int)")
        connection.execute("INSERT INTO kept VALUES (%s)", (number,))


def stored(urls: dict[str, Any]) -> list[int]:
    with psycopg.connect(urls["owner"]) as connection:
        return [row[0] for row in connection.execute("SELECT number FROM kept ORDER BY number")]


def test_a_second_start_finds_the_data_and_the_same_urls(folder: Any) -> None:
    with folder.start() as running:
        first = running.up()
        store(first, 1)
        redis.from_url(first["redis"]).set("queued", "job")
    with folder.start() as running:
        second = running.up()
        assert second == first
        assert stored(second) == [1]
        assert redis.from_url(second["redis"]).get("queued") == b"job"


def test_a_second_supervisor_is_refused_with_the_owners_pid(folder: Any) -> None:
    with folder.start() as running:
        running.up()
        with folder.start() as second:
            refused = second.until("refused")
        assert refused["code"] == "misconfigured"
        assert str(folder.data_dir) in refused["detail"]
        assert str(running.process.pid) in refused["detail"]
        assert len(folder.processes()) > 0


def test_a_second_command_learns_the_urls_while_they_hold(folder: Any) -> None:
    assert embedded.running(folder.data_dir) is None
    with folder.start() as running:
        urls = running.up()
        found = embedded.running(folder.data_dir)
        assert found is not None
        assert (found.server, found.redis) == (urls["server"], urls["redis"])
        running.end(signal.SIGKILL)
        assert embedded.running(folder.data_dir) is None


def test_sigterm_stops_both_cleanly_and_leaves_no_process(folder: Any) -> None:
    running = folder.start()
    running.up()
    assert running.end(signal.SIGTERM) == 0
    assert folder.processes() == []
    assert "database system is shut down" in (folder.data_dir / "logs/postgres.log").read_text()
    assert not (folder.data_dir / "postgres/postmaster.pid").exists()
    assert not (folder.data_dir / "urls.json").exists()


def test_killed_postgres_comes_back_with_its_data(folder: Any) -> None:
    with folder.start() as running:
        urls = running.up()
        for number in range(3):
            store(urls, number)
            os.kill(running.pid_of("postgres"), signal.SIGKILL)
            running.until("ready", "postgres")
            assert stored(urls) == list(range(number + 1))


def test_a_long_query_does_not_keep_a_killed_postgres_from_coming_back(folder: Any) -> None:
    rows: LiteralString = "generate_series(1, 2000000)"
    with folder.start() as running:
        urls = running.up()
        store(urls, 0)
        with contextlib.closing(psycopg.connect(urls["owner"])) as connection:
            connection.pgconn.send_query(f"SELECT count(*) FROM {rows} a, {rows} b".encode())
            backend = connection.info.backend_pid
            wait_until(lambda: is_at_work(backend), "the query is under way")
            os.kill(running.pid_of("postgres"), signal.SIGKILL)
            running.until("ready", "postgres")
            assert stored(urls) == [0]


def is_at_work(pid: int) -> bool:
    """Whether it has computed for a while."""
    used = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(used[11]) > 20  # ticks, of 10 ms


def test_killed_valkey_comes_back_with_its_data(folder: Any) -> None:
    with folder.start() as running:
        urls = running.up()
        redis.from_url(urls["redis"]).set("queued", "job")
        os.kill(running.pid_of("valkey"), signal.SIGKILL)
        running.until("ready", "valkey")
        assert redis.from_url(urls["redis"]).get("queued") == b"job"


def test_a_killed_supervisor_takes_the_servers_along_and_the_next_start_mends_it(
    folder: Any, await_ends: AwaitEnds
) -> None:
    running = folder.start()
    store(running.up(), 1)
    servers = folder.processes()
    assert len(servers) >= 2
    running.end(signal.SIGKILL)
    await_ends(servers)
    with folder.start() as again:
        assert stored(again.up()) == [1]


def test_a_start_right_after_a_kill_waits_for_the_servers_to_end(folder: Any) -> None:
    running = folder.start()
    store(running.up(), 1)
    running.end(signal.SIGKILL)
    with folder.start() as again:  # at once: the old servers are still ending
        assert stored(again.up()) == [1]
        assert not [event for event in again.seen if event["kind"] == "ended"]


def test_leftovers_of_a_power_cut_are_mended_even_if_their_pid_is_taken(
    folder: Any, await_ends: AwaitEnds
) -> None:
    with folder.start() as running:
        store(running.up(), 1)
        servers = folder.processes()
        pid_file = folder.data_dir / "postgres/postmaster.pid"
        socket_lock = folder.data_dir / "run/.s.PGSQL.5432.lock"
        left = {path: path.read_text() for path in (pid_file, socket_lock)}
        running.process.send_signal(signal.SIGSTOP)  # or it would restart what is killed now
        for pid in servers:
            with contextlib.suppress(ProcessLookupError):  # backends end when their parent is gone
                os.kill(pid, signal.SIGKILL)
        running.end(signal.SIGKILL)
        await_ends(servers)
    for path, text in left.items():
        first, rest = text.split("\n", 1)
        assert int(first) in servers
        path.write_text(f"{os.getpid()}\n{rest}")
    with folder.start() as again:
        assert stored(again.up()) == [1]


def test_a_killed_first_start_leaves_nothing_half_made(folder: Any) -> None:
    unfinished = folder.data_dir / "postgres.new"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")
    with folder.start() as running:
        running.up()
        assert not unfinished.exists()
        assert (folder.data_dir / "postgres/PG_VERSION").exists()


@pytest.mark.parametrize(
    "name", ["d" * 120, "with, comma and spaces", "Zeitreihen-Überwachung"], ids=len
)
def test_any_data_path_works(folder: Any, name: str) -> None:
    folder.data_dir = folder.base / name
    with folder.start() as running:
        urls = running.up()
        store(urls, 1)
        assert redis.from_url(urls["redis"]).ping()
        host = Path(str(psycopg.conninfo.conninfo_to_dict(urls["owner"])["host"]))
        assert host.parent != folder.data_dir
        assert stat.S_IMODE(host.stat().st_mode) == 0o700
    host.rmdir()


def test_data_of_another_postgres_is_refused_with_the_way_to_mend_it(folder: Any) -> None:
    with folder.start() as running:
        running.up()
    (folder.data_dir / "postgres/PG_VERSION").write_text("17\n")
    with folder.start() as running:
        refused = running.until("refused")
    assert refused["code"] == "misconfigured"
    for word in ("PostgreSQL 17", "PostgreSQL 18", "pg_dump", "pg_restore", "mv "):
        assert word in refused["detail"]


def test_lost_passwords_are_refused_not_replaced(folder: Any) -> None:
    with folder.start() as running:
        running.up()
    (folder.data_dir / "passwords.json").unlink()
    with folder.start() as running:
        assert "passwords.json" in running.until("refused")["detail"]
    assert not (folder.data_dir / "passwords.json").exists()


def test_the_environment_does_not_lead_the_server_astray(folder: Any) -> None:
    strange = {"PGPORT": "9999", "PGDATA": "/nowhere", "LC_ALL": "xx_XX.UTF-8", "TZ": "Mars/Base"}
    with folder.start(**strange) as running:
        store(urls := running.up(), 1)
        assert stored(urls) == [1]


def test_a_file_in_the_place_of_the_folder_is_refused(folder: Any) -> None:
    folder.data_dir.write_text("")
    with folder.start() as running:
        assert str(folder.data_dir) in running.until("refused")["detail"]
