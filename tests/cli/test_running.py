"""Commands that start processes: what they refuse, and what they leave behind."""

import json
import os
import re
import signal
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import psutil  # type: ignore[import-untyped]
import pytest

from tests.service import Service, free_port, wait_until

DEMO_IS_SHOWN = "Ctrl-C stops all of it"


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def environment(service: Service, **others: str) -> dict[str, str]:
    return {**service.environment, "TOCSIN_PORT": str(free_port()), **others}


@pytest.mark.long
def test_the_demo_outlives_kill_9_starts_again_from_what_is_stored_and_leaves_nothing(
    home: Any,
) -> None:
    with home.up("--demo") as first:
        first.until("uploaded 8,832")
        first.end(signal.SIGKILL)
    home.await_nothing_left()
    with home.up("--demo") as second:
        second.until("10,320 points")
        second.until(DEMO_IS_SHOWN)
        rows = home.shell("anomalies", "nyc_taxi", "--json").data
        assert any(row["timestamp"].startswith("2015-01-01") for row in rows)
        [event] = home.shell("events", "nyc_taxi", "--json").data
        assert event["start"].startswith("2015-01-01")
        assert home.shell("doctor").code == 0
        assert second.end(signal.SIGINT) == 0
    assert home.processes() == []
    (home.data_dir / "credentials.json").unlink()
    with home.up("--demo") as third:
        third.until(DEMO_IS_SHOWN)
        assert "trained" not in "".join(third.lines)
        assert home.shell("anomalies", "nyc_taxi", "--json").data == rows
        assert third.end(signal.SIGTERM) == 0
    assert home.processes() == []
    assert (home.data_dir / "credentials.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("command", ["up", "serve"])
def test_a_taken_port_is_refused_before_anything_is_started(
    command: str, home: Any, taken_port: int
) -> None:
    run = home.shell(command, TOCSIN_PORT=str(taken_port))
    assert run.code == 1
    assert "TOCSIN_PORT" in run.said
    assert not home.data_dir.exists()


def test_a_second_up_on_the_same_folder_is_refused(home: Any) -> None:
    with home.up() as first:
        first.until("listening on")
        second = home.shell("up", TOCSIN_PORT=str(free_port()))
        assert second.code == 1
        assert f"pid {first.process.pid}" in second.said
        assert first.end(signal.SIGINT) == 0


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_unmet_settings_are_all_named_and_nothing_is_made(command: str, home: Any) -> None:
    run = home.shell(command)
    assert run.code == 1
    assert "TOCSIN_DATABASE_URL" in run.said
    assert "TOCSIN_REDIS_URL" in run.said
    assert not home.data_dir.exists()


def test_wrong_settings_are_all_named(home: Any) -> None:
    run = home.shell("serve", TOCSIN_API_THREADS="many", TOCSIN_REDIS_URL="nowhere")
    assert run.code == 1
    assert "TOCSIN_API_THREADS" in run.said
    assert "TOCSIN_REDIS_URL" in run.said


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_a_superuser_is_refused(command: str, home: Any, service: Service, servers: Any) -> None:
    url = {"TOCSIN_DATABASE_URL": servers.superuser_url}
    run = home.shell(command, **environment(service, **url))
    assert run.code == 1
    assert "superuser" in run.said


def test_processes_of_the_server_add_up_their_numbers_and_take_no_header_from_its_environment(
    service: Service, up: Any
) -> None:
    inherited = {"HTTP_X_API_KEY": service.operator_key, "TOCSIN_API_PROCESSES": "2"}
    own = environment(service, **inherited)
    url = f"http://127.0.0.1:{own['TOCSIN_PORT']}"
    with up(own, "serve") as server:
        server.until("server is up")
        for _ in range(20):  # a connection each, so that both processes get some
            assert httpx.get(f"{url}/v1/me").status_code == 401
        asked = 'tocsin_http_requests_total{method="GET",route="/v1/me",status="401"} 20.0'
        for _ in range(10):
            assert asked in httpx.get(f"{url}/metrics").text
        kill_the_process_that_answers(server.process.pid)
        for _ in range(10):
            assert asked in wait_until(lambda: metrics_of(url), "another answers")
        assert server.end(signal.SIGTERM) == 0


def kill_the_process_that_answers(supervisor: int) -> None:
    """One of them."""
    for parent in psutil.Process(supervisor).children():
        for answering in parent.children()[:1]:
            answering.kill()


def metrics_of(url: str) -> str:
    try:
        return httpx.get(f"{url}/metrics").text
    except httpx.TransportError:
        return ""


def test_migrate_brings_an_empty_database_up_to_date_and_may_be_repeated(
    empty_database: Any, service: Service, home: Any
) -> None:
    own = environment(
        service,
        TOCSIN_DATABASE_URL=empty_database.server_url,
        TOCSIN_OWNER_DATABASE_URL=empty_database.owner_url,
    )
    findings = json.loads(home.shell("doctor", "--json", **own).out)
    assert [f["state"] for f in findings if f["what"] == "Schema"] == ["wrong"]
    for _ in range(2):
        assert home.shell("migrate", **own).code == 0
    findings = json.loads(home.shell("doctor", "--json", **own).out)
    assert [f["state"] for f in findings if f["what"] == "Schema"] == ["ok"]


def test_doctor_names_a_misspelt_setting(home: Any) -> None:
    run = home.shell("doctor", "--json", TOCSIN_PROT="80")
    assert run.code == 1
    (finding,) = json.loads(run.out)
    assert (finding["what"], finding["state"]) == ("Settings", "wrong")
    assert "TOCSIN_PROT" in json.dumps(finding)


def test_doctor_names_open_files_and_absent_servers(home: Any, taken_port: int) -> None:
    home.data_dir.mkdir(mode=0o700)
    (home.data_dir / "secret").write_text("1 " + "0" * 64)
    (home.data_dir / "secret").chmod(0o644)
    run = home.shell(
        "doctor",
        "--json",
        TOCSIN_PORT=str(taken_port),
        TOCSIN_DATABASE_URL="postgresql://tocsin_server@127.0.0.1:1/tocsin",
        TOCSIN_REDIS_URL="redis://127.0.0.1:1",
    )
    assert run.code == 1
    state = {finding["what"]: finding["state"] for finding in json.loads(run.out)}
    for wrong in ("Secret", "Port", "PostgreSQL", "Redis"):
        assert state[wrong] == "wrong", wrong


def test_the_server_is_back_after_kill_9(home: Any) -> None:
    with home.up() as running:
        running.until("listening on")
        lines = (home.data_dir / "logs/server.log").read_text().splitlines()
        (pid,) = re.findall(r"main PID: (\d+)", "".join(lines))
        os.kill(int(pid), signal.SIGKILL)
        running.until("server ended by SIGKILL")
        running.until("server is up")
        wait_until(lambda: home.shell("tenants", "list").code == 0, "it answers again")
        assert running.end(signal.SIGINT) == 0
    assert home.processes() == []
