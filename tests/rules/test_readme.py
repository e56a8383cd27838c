"""The README's story is run as it stands, so that it cannot become untrue."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.service import Service, Tenant

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
    lines = story().splitlines()
    given = [f"URL={service.url}", f"KEY={tenant.key}"]
    script = "\n".join([*given, *(line for line in lines if not line.startswith(("URL=", "KEY=")))])
    ran = subprocess.run(
        ["bash", "-euc", script], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert ran.returncode == 0, ran.stderr
    answers = ran.stdout.splitlines()
    assert '"stored":10320' in answers[1]
    assert '"status":"succeeded"' in answers[2]
    assert '"is_anomaly":false' in answers[3]
    assert '"is_anomaly":true' in answers[4]
    assert '"anomaly_detected":true' in answers[5]
    assert '"timestamp":"2015-02-01T00:30:00Z"' in answers[6]
