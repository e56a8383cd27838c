"""Log lines never get in the way of what they tell of."""

import json
import subprocess
import sys
from datetime import datetime, timedelta
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


WRITES = """
import structlog
from structlog.contextvars import bind_contextvars
from app import logs
from app.settings import Settings
logs.configure(Settings(log_format="json"))
bind_contextvars(request_id="r-1")
log = structlog.get_logger()
log.info("request", status=200)
try:
    1 / 0
except ZeroDivisionError as error:
    log.error("unexpected error", exc_info=error, path="half a pair: \\ud800", of=object)
"""


def test_a_line_tells_its_request_its_level_its_time_and_what_was_raised() -> None:
    ran = subprocess.run([sys.executable, "-c", WRITES], stderr=subprocess.PIPE, check=True)
    plain, raised = (json.loads(line) for line in ran.stderr.splitlines())
    assert datetime.fromisoformat(plain.pop("timestamp")).utcoffset() == timedelta(0)
    assert plain == {"request_id": "r-1", "event": "request", "status": 200, "level": "info"}
    assert (raised["level"], raised["path"]) == ("error", "half a pair: \ud800")
    assert "ZeroDivisionError: division by zero" in raised["exception"]
    assert "exc_info" not in raised


WAITS = """
import multiprocessing, os, sys, structlog
from concurrent.futures import ThreadPoolExecutor
from app import logs
from app.settings import Settings

def work():
    logs.configure(Settings(log_format="json"), waits=True)
    log = structlog.get_logger()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: log.info("request", n=n), range(2000)))
    log.error("wrong")
    log.info("last")

child = multiprocessing.get_context("fork").Process(target=work)
child.start()
child.join()
"""


def test_lines_that_wait_are_written_in_order_by_the_time_a_process_of_the_server_ends() -> None:
    ran = subprocess.run([sys.executable, "-c", WAITS], stderr=subprocess.PIPE, check=True)
    lines = [json.loads(line) for line in ran.stderr.splitlines()]
    assert {line["n"] for line in lines[:-2]} == set(range(2000))
    assert [line["event"] for line in lines[-2:]] == ["wrong", "last"]


HANGS = """
import os, structlog
from app import logs
from app.settings import Settings
logs.configure(Settings(log_format="json"), waits=True)
structlog.get_logger().info("before")
structlog.get_logger().error("wrong")
os._exit(0)
"""


def test_what_went_wrong_is_written_at_once_with_what_came_before_it() -> None:
    ran = subprocess.run([sys.executable, "-c", HANGS], stderr=subprocess.PIPE, check=True)
    assert [json.loads(line)["event"] for line in ran.stderr.splitlines()] == ["before", "wrong"]


QUOTES = """
import logging, structlog
from app import logs
from app.settings import Settings
logs.configure(Settings(log_format="json"))
try:
    try:
        float("41.5 of tcs_0123456789ABCDEF_secret")
    except ValueError as error:
        raise RuntimeError("row 7 failed\\nDETAIL: Failing row contains (41.5)") from error
except RuntimeError as error:
    structlog.get_logger().exception("job failed")
    logging.getLogger("rq.worker").error("job %s failed\\n%s", "j-1", logs.traceback.format_exc())
    logging.getLogger("rq.worker").error("key tcs_0123456789ABCDEF_secret", exc_info=error)
"""


def test_what_was_raised_is_told_without_what_it_quotes() -> None:
    ran = subprocess.run([sys.executable, "-c", QUOTES], stderr=subprocess.PIPE, check=True)
    text = ran.stderr.decode()
    own, of_rq, raised = (json.loads(line) for line in text.splitlines())
    for secret in ("41.5", "secret", "0123456789ABCDEF"):
        assert secret not in text
    assert own["exception"].endswith("builtins.RuntimeError: row … failed")
    assert "builtins.ValueError: could not convert string to float: …" in own["exception"]
    assert (of_rq["event"], of_rq["logger"]) == ("job j-1 failed", "rq.worker")
    assert 'File "<string>", line ' in of_rq["exception"]
    assert raised["exception"] == own["exception"]
