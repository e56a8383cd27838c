"""Every snippet of docs/recipes.md is run, in its order, as one who reads on would."""

import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.service import Service, Tenant

PAGE = (Path(__file__).parents[2] / "docs/recipes.md").read_text()
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
CRONTAB = 2  # of the snippets behind the variables
SCHEDULED = re.compile(r"(?m)^(?:[0-9*/,-]+ +){5}(.+)$")


def rows(hours: int) -> Iterator[str]:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for hour in range(hours):
        at = start + timedelta(hours=hour)
        yield f"{at:%Y-%m-%dT%H:%M:%SZ},{100 + 50 * math.sin(hour / 4):.1f}\n"


class Reader:
    """Who has set the variables, and has a file of rides beside."""

    def __init__(self, service: Service, tenant: Tenant, folder: Path) -> None:
        self._folder = folder
        inherited = {name: text for name, text in os.environ.items() if "TOCSIN" not in name}
        commands = Path(sys.executable).parent
        self._environment = {
            **inherited,
            "PATH": f"{commands}:{inherited['PATH']}",
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "TOCSIN_URL": service.url,
            "TOCSIN_API_KEY": tenant.key,
            "OPERATOR_KEY": service.operator_key,
        }
        (folder / "rides.csv").write_text("timestamp,value\n" + "".join(rows(60)))
        (folder / ".tocsin").mkdir()
        (folder / ".tocsin/credentials.json").write_text(json.dumps({"api_key": tenant.key}))

    def run(self, *words: str) -> str:
        done = subprocess.run(
            words,
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=250,
        )
        assert done.returncode == 0, f"{words[-1]}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def python(self, text: str, name: str = "snippet.py") -> str:
        (self._folder / name).write_text(text)
        return self.run("python", name)

    def cron(self, text: str) -> list[str]:
        return [self.run("sh", "-c", command) for command in SCHEDULED.findall(text)]


@pytest.mark.long
@pytest.mark.timeout(900)
def test_the_recipes_do_what_they_promise(service: Service, tenant: Tenant, tmp_path: Path) -> None:
    reader, left = Reader(service, tenant, tmp_path), BLOCK.findall(PAGE)
    variables = left.pop(0)[1]
    assert reader.run("bash", "-ec", f'{variables} echo "$TOCSIN_API_KEY"') == f"{tenant.key}\n"
    table = left.pop(CRONTAB)[1]
    assert {language for language, _ in left} == {"python"}
    names = ["open_events.py" if "is_open" in text else "snippet.py" for _, text in left]
    said = [reader.python(text, name) for (_, text), name in zip(left, names, strict=True)]
    first, errors, events, pandas, large, log, meanwhile, batch, hook, operator, plain = said
    assert "60 stored, 0 known" in first
    assert "RowError(row=2, column='timestamp'" in errors
    assert events == ""
    assert "far" in pandas
    assert "of 200 points are anomalous" in pandas
    assert "1 part, 0 bad lines" in large
    assert "wake somebody: cpu.host0 9000.0" in log
    assert meanwhile.count("cpu.host") == 2
    assert batch.count("24 loaded\n") == 4
    assert "0 loaded the second time" in batch
    assert "model version 1" in batch
    assert "whsec_" in hook
    assert "0 are told again" in hook
    assert "tcs_" in operator
    assert plain == "cpu.host0\n"
    uploaded, woken = reader.cron(table)
    assert uploaded == ""
    assert '"duplicates": 60' in (tmp_path / "last-upload.json").read_text()
    assert "cpu.host0 since" in woken
