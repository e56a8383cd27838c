"""Workers and a server whose clocks are wrong: the database's clock rules."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.chaos import needs
from tests.chaos.rows import Outcome, Row, Run
from tests.service import free_port, wait_until

SHIFTS = ("-1d", "+2h")
READ_ANEW_S = 10**8  # longer than any run, and than either shift
TRAININGS = 6
POINTS = 600


def wrong(run: Run, told: Outcome) -> None:
    """Jobs are claimed and leased, keys expire, all as if every clock were right."""
    ground, library = run.scene.ground, needs.faketime()
    started: list[Any] = []
    urls = []
    for shift in SHIFTS:
        settings = {
            "LD_PRELOAD": library,
            "FAKETIME": shift,
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            # Read once: whoever sets its process's title moves the environment, and a thread that
            # asks libfaketime for the time meanwhile would look for the shift where it was.
            "FAKETIME_CACHE_DURATION": str(READ_ANEW_S),
            "TOCSIN_PORT": str(free_port()),
        }
        urls.append(f"http://127.0.0.1:{settings['TOCSIN_PORT']}")
        for command in ("worker", "serve"):
            started.append(ground.run_beside(command, log=f"{command}{shift}", **settings))
    for url in urls:
        wait_until(lambda url=url: ground.answers(url), f"{url} is ready")  # type: ignore[misc]
    name = f"clocks-{time.monotonic_ns()}"
    trainings = [run.scene.training(f"{name}-{i}", POINTS) for i in range(TRAININGS)]
    for training in trainings:
        training.ask()
    for training in trainings:
        told.problems += training.wrong_at_end()
        attempt = training.job()["attempt"]
        told.require(
            attempt == 1, f"{training.series} took {attempt} attempts: a lease was misread"
        )
        told.times += 1
    told.problems += [each for url in urls for each in _wrong_expiry(run, url)]
    for process in started:
        process.terminate()
        process.wait(60)


def _wrong_expiry(run: Run, url: str) -> list[str]:
    """A key that lives for an hour works, and one that has expired does not, whoever is asked."""
    lasting, short = _key(run, timedelta(hours=1)), _key(run, timedelta(seconds=2))
    problems = []
    if (status := _status(url, lasting)) != 200:
        problems.append(f"a key with an hour left got {status} from {url}")
    time.sleep(3)
    if (status := _status(url, short)) != 401:
        problems.append(f"an expired key got {status} from {url}")
    return problems


def _key(run: Run, lasts: timedelta) -> str:
    expires_at = (datetime.now(UTC) + lasts).isoformat()
    answer = httpx.post(
        f"{run.scene.ground.url}/v1/keys",
        json={"name": f"clock {time.monotonic_ns()}", "scopes": ["read"], "expires_at": expires_at},
        headers={"Authorization": f"Bearer {run.scene.key}"},
        timeout=30,
    )
    answer.raise_for_status()
    secret: str = answer.json()["secret"]
    return secret


def _status(url: str, key: str) -> int:
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.get(f"{url}/v1/me", headers=headers, timeout=30).status_code


ROWS = [Row("clocks a day back, two hours ahead", "one model, the database's clock rules", wrong)]
