"""What the documents show to be run is run, in their order, as one who reads on would."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.service import Service, Tenant

DOCS = Path(__file__).parents[2] / "docs"
SETUP = re.compile(r"(?m)^(URL|KEY)=.*\n")

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not on this machine")


def run(document: str, service: Service, tenant: Tenant, folder: Path) -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", (DOCS / document).read_text(), re.DOTALL)
    lines = SETUP.sub("", "".join(blocks))
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f"URL={service.url}\nKEY={tenant.key}\n{lines}"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()


def test_who_comes_from_elsewhere_gets_what_the_page_promises(
    service: Service, tenant: Tenant, tmp_path: Path
) -> None:
    batch, made, uploaded, scored, several = run("coming-from.md", service, tenant, tmp_path)
    assert batch == "2023-11-23T06:13:20Z"
    assert '"name":"orders"' in made
    assert '"stored":240' in uploaded
    assert '"is_anomaly"' in scored
    assert '"name":"orders.berlin"' in several
    assert '"name":"orders.paris"' in several
