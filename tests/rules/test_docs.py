"""What the documents show to be run is run, in their order, as one who reads on would."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.actions.delivering import RETRY_AFTER_S
from app.api.messages import EventOpened
from tests.service import Service, Tenant, free_port

DOCS = Path(__file__).parents[2] / "docs"
SETUP = re.compile(r"(?m)^(URL|KEY|export PORT)=.*\n")

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not on this machine")


def blocks(document: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / document).read_text(), re.DOTALL)


def run(document: str, service: Service, tenant: Tenant, folder: Path) -> list[str]:
    setup = f"URL={service.url}\nKEY={tenant.key}\nexport PORT={free_port()}\n"
    ended = "trap 'kill $(jobs -p) 2> /dev/null || true' EXIT\n"  # what was begun beside it
    lines = SETUP.sub("", "".join(blocks(document, "sh")))
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", setup + ended + lines],
        cwd=folder,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
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


def test_the_receiver_of_the_page_on_webhooks_verifies_what_it_is_told(
    service: Service, tenant: Tenant, tmp_path: Path
) -> None:
    [receiver] = blocks("webhooks.md", "python")
    (tmp_path / "receiver.py").write_text(receiver)
    service.start_delivery()
    try:
        told, tested, listed = run("webhooks.md", service, tenant, tmp_path)
    finally:
        service.stop("delivery")
    assert told.startswith("webhook.test {'webhook': '/v1/webhooks/")
    assert json.loads(tested)["last_attempt"]["status"] == 204
    assert [one["status"] for one in json.loads(listed)["data"]] == ["delivered"]


def test_the_page_on_webhooks_shows_an_event_as_it_is_sent() -> None:
    [shown] = blocks("webhooks.md", "json")
    EventOpened.model_validate(json.loads(shown))


def test_the_page_on_webhooks_tells_the_schedule() -> None:
    """In the units that it uses, one after the other."""
    [told] = re.findall(r"tried again after (.*) hours, each", (DOCS / "webhooks.md").read_text())
    units = {"second": 1, "minute": 60}
    found = [
        int(number) * units.get(unit, 3_600)
        for number, unit in re.findall(r"(\d+)(?: (second|minute)s?)?", told)
    ]
    assert found == list(RETRY_AFTER_S)


def test_what_grafana_asks_is_answered_as_the_page_says(
    service: Service, tenant: Tenant, tmp_path: Path
) -> None:
    names, moment, span, refused = run("grafana.md", service, tenant, tmp_path)
    assert names == '{"status":"success","data":["orders"]}'
    assert moment.endswith('"value":[1704151800.0,"23"]}]}}')
    assert span.endswith('"values":[[1704110400.0,"12"],[1704153600.0,"23"]]}]}}')
    assert "rate is not supported" in refused
