"""What the documents show to be run is run, in their order, as one who reads on would."""

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from app.actions.delivering import RETRY_AFTER_S
from app.api.messages import EventOpened
from tests.conftest import PASSWORD, Servers
from tests.people import mail_server
from tests.receiver import receiving
from tests.service import Service, Tenant, free_port, running, wait_until

DOCS = Path(__file__).parents[2] / "docs"
PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
SHOWN = re.compile(r"```(json|text)\n(.*?)```", re.DOTALL)
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
        env={**os.environ, "PATH": PATH},
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


@pytest.mark.parametrize("document", ["csv.md", "api.md", "detector.md"])
def test_what_a_page_shows_of_answers_is_answered(
    service: Service, tenant: Tenant, tmp_path: Path, document: str
) -> None:
    answers = iter(run(document, service, tenant, tmp_path))
    for language, text in SHOWN.findall((DOCS / document).read_text()):
        if language == "text":
            for line in text.splitlines():
                assert line.strip() in (answer.strip() for answer in answers)
        else:
            shown = json.loads(text)
            del shown["…"]
            assert any(json.loads(answer).items() >= shown.items() for answer in answers)


def test_the_page_on_operating_backs_up_and_moves_a_tenant(
    service: Service, tenant: Tenant, tmp_path: Path
) -> None:
    backup, restore, *moving = "".join(blocks("operating.md", "sh")).splitlines()
    named = (backup, restore, *(line.replace("acme", tenant.slug) for line in moving))
    taken, restored, exported, imported = (
        subprocess.run(
            ["bash", "-c", line.replace("/backups", str(tmp_path))],
            cwd=tmp_path,
            env={**os.environ, **service.environment, "PATH": PATH},
            capture_output=True,
            text=True,
            timeout=120,
        )
        for line in named
    )
    assert taken.returncode == 0, taken.stderr
    assert "connected" in restored.stderr  # the service runs: nothing is restored over it
    assert exported.returncode == 0, exported.stderr
    assert imported.returncode == 0, imported.stderr
    with service.client(imported.stdout.splitlines()[-1]) as moved:
        assert moved.get("/v1/me").json()["tenant"]["slug"] == f"{tenant.slug}-2"


def test_the_roles_of_the_page_on_operating_are_enough_for_a_migration(
    servers: Servers, tmp_path: Path
) -> None:
    roles, password = (one for one in blocks("operating.md", "sql") if "ROLE" in one)
    mark = f"doc{secrets.token_hex(4)}"
    statements = (roles + password).replace("tocsin_", f"{mark}_").replace("tocsin ", f"{mark} ")
    statements = re.sub(r"--.*", "", statements).replace("…", PASSWORD)
    with psycopg.connect(servers.superuser_url, autocommit=True) as connection:
        for statement in statements.strip().removesuffix(";").split(";"):
            connection.execute(statement.encode())
        try:
            with psycopg.connect(servers.url(f"{mark}_owner", mark), autocommit=True) as owner:
                owner.execute("CREATE TABLE points (value float8)")
            with psycopg.connect(servers.url(f"{mark}_server", mark)) as server:
                server.execute(f"SET ROLE {mark}_operator")
        finally:
            connection.execute(f"DROP DATABASE {mark} WITH (FORCE)")
            for role in ("owner", "operator", "jobs", "server"):
                connection.execute(f"DROP ROLE {mark}_{role}")


@pytest.mark.usefixtures("delivery")
def test_the_receiver_of_the_page_on_webhooks_verifies_what_it_is_told(
    service: Service, tenant: Tenant, tmp_path: Path
) -> None:
    [receiver] = blocks("webhooks.md", "python")
    (tmp_path / "receiver.py").write_text(receiver)
    told, tested, listed = run("webhooks.md", service, tenant, tmp_path)
    assert told.startswith("webhook.test {'webhook': '/v1/webhooks/")
    assert json.loads(tested)["last_attempt"]["status"] == 204
    assert [one["status"] for one in json.loads(listed)["data"]] == ["delivered"]


def typed(
    document: str, service: Service, tenant: Tenant, folder: Path, receiver: str = ""
) -> list[str]:
    """What the commands of a page's session say; ID is that of what the first one made."""
    [session] = blocks(document, "sh-session")
    session = session.replace("https://example.com/tocsin", receiver)
    environment = {**os.environ, "PATH": PATH, "TOCSIN_URL": service.url}
    said: list[str] = []
    for line in re.findall(r"(?m)^\$ (.*)$", session):
        id_ = re.search(r"[0-9a-f-]{36}", said[0]) if said else None
        ran = subprocess.run(
            ["bash", "-c", re.sub(r"\bID\b", id_[0], line) if id_ else line],
            cwd=folder,
            env={**environment, "TOCSIN_API_KEY": tenant.key},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert ran.returncode == 0, f"{line}: {ran.stderr}"
        said.append(ran.stdout + ran.stderr)
    return said


@pytest.mark.usefixtures("delivery")
def test_the_commands_of_the_page_on_webhooks_are_taken(
    service: Service, tenant: Tenant, tmp_path: Path
) -> None:
    with receiving() as receiver:
        said = typed("webhooks.md", service, tenant, tmp_path, receiver.url())
        assert [call.path for call in receiver.calls] == ["/hook"]
    assert len(said) == 6


def test_the_commands_of_the_page_on_notices_have_somebody_told(
    service: Service, tenant: Tenant, tmp_path: Path
) -> None:
    [operator] = blocks("notices.md", "sh")
    with mail_server() as mails:
        given = dict(re.findall(r"(?m)^export (\w+)='?([^'\n]+)'?$", operator))
        given |= {"TOCSIN_MAIL_URL": mails.url, "TOCSIN_PORT": (port := str(free_port()))}
        own = replace(
            service,
            environment={**service.environment, **given, "TOCSIN_API_PROCESSES": "1"},
            url=f"http://127.0.0.1:{port}",
            log_dir=tmp_path,
            processes={},
        )
        with running(own):
            own.start("server", "app.cli.served")
            own.start_delivery()
            wait_until(own._answers, "the server answers")
            typed("notices.md", own, tenant, tmp_path)
        assert mails.recipients == ["ops@example.com"]


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
