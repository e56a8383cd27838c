"""The README's story is run as it stands, so that it cannot become untrue."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.service import Service, Tenant, wait_until

ROOT = Path(__file__).parents[2]


def story() -> str:
    text = (ROOT / "README.md").read_text()
    section = text.partition("## The story in ten lines of curl")[2]
    found = re.search(r"```sh\n(.*?)```", section, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.long
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not on this machine")
def test_the_readme_s_curl_lines_tell_what_they_promise(service: Service, tenant: Tenant) -> None:
    lines = [f"URL={service.url}", f"KEY={tenant.key}", *story().splitlines()[2:]]
    train = next(i for i, line in enumerate(lines) if "/train" in line)
    definitions = [line for line in lines if not line.startswith("call ")]
    answers = run(lines[: train + 1])
    assert '"stored":10320' in answers[1]
    assert '"kind":"train"' in answers[2]
    # The README waits for a minute, in which a busy machine does not get through.
    wait_until(lambda: newest_job(tenant) == "succeeded", "the model is trained", timeout_s=200)
    answers = run([*definitions, *lines[train + 1 :]])
    assert '"is_anomaly":false' in answers[0]
    assert '"is_anomaly":true' in answers[1]
    answer = json.loads(answers[2])
    answer["score"] = round(answer["score"], 5)
    assert answer.items() >= promised().items()
    assert '"timestamp":"2015-02-01T00:30:00Z"' in answers[3]


def named() -> list[str]:
    """The command lines that the README shows."""
    section = (ROOT / "README.md").read_text().partition("## On the command line")[2]
    found = re.search(r"```sh\n(.*?)```", section, re.DOTALL)
    assert found is not None
    return [line.partition("#")[0].strip() for line in found[1].splitlines()]


@pytest.mark.parametrize("line", named())
def test_each_command_that_the_readme_names_is_there_with_its_options(line: str) -> None:
    program, *words = line.split()
    command = [str(Path(sys.executable).with_name(program)), *words, "--help"]
    shown = subprocess.run(command, capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr
    assert words[0] in shown.stdout


def promised() -> dict[str, Any]:
    """What the README shows of the answer."""
    found = re.search(r"```json\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert found is not None
    shown: dict[str, Any] = json.loads(found[1])
    del shown["…"]
    return shown


def run(lines: list[str]) -> list[str]:
    """What each call answers."""
    ran = subprocess.run(
        ["bash", "-euc", "\n".join(lines)], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()


def newest_job(tenant: Tenant) -> str:
    status: str = tenant.http.get("/v1/series/rides/jobs").json()["data"][0]["status"]
    assert status != "failed"
    return status
