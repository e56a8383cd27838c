"""`tocsin up`: everything at once, with servers of its own where none are set."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pathlib import Path

    from app.cli.credentials import Credentials
    from app.cli.steps import Steps
    from app.processes import Supervisor
    from app.settings import Settings


def up(
    with_demo: Annotated[
        bool, typer.Option("--demo", help="Watch New York's taxi rides, and show what is found.")
    ] = False,
) -> None:
    """Start all of it, and stay until Ctrl-C: PostgreSQL and Valkey where none are set."""
    from app import settings, tracing
    from app.cli import children, own_servers, ports
    from app.cli.steps import Steps
    from app.outbound import notices
    from app.processes import Gate, Supervisor

    configured = settings.read()
    tracing.refuse_missing(configured)
    notices.refuse_unsendable(configured)
    ports.refuse_taken(configured.host, configured.port)
    steps = Steps()
    with ExitStack() as stack:
        installation = stack.enter_context(own_servers.installation(configured, steps))
        metrics_dir = stack.enter_context(children.metrics_folder(configured))
        gate = stack.enter_context(Gate())
        supervisor = stack.enter_context(Supervisor(steps.show))
        complete = own_servers.begin(configured, supervisor, installation)
        # It loads its modules while the database starts and ours are loaded: half of a start.
        children.allow_many_connections()
        supervisor.begin(children.server(complete, metrics_dir, _log_dir(configured), gate))
        own_servers.await_ready(configured, supervisor, installation)
        _migrate(complete, steps)
        gate.open()
        supervisor.await_ready("server")
        known = _start_workers(complete, supervisor, steps)
        if not with_demo:
            _say_what_is_next(configured, known, steps)
        with _demo(configured, known, supervisor, steps) if with_demo else nullcontext():
            supervisor.run_until_signal()
    steps.note("All of it has stopped.")


def _migrate(configured: "Settings", steps: "Steps") -> None:
    """As the owner, where its URL is known; else the schema has to be there already."""
    from app.cli import startup
    from app.store import migrations

    startup.refuse_unmet(configured, ("database_url", "redis_url"))
    if configured.owner_database_url is not None:
        with steps.step("Bringing the database up to date", "database up to date"):
            owner_url = configured.required("owner_database_url")
            migrations.upgrade(owner_url, configured.required("database_url"))
    startup.with_database(configured, is_strict=True)


def _start_workers(
    configured: "Settings", supervisor: "Supervisor", steps: "Steps"
) -> "Credentials":
    """Beside the server, and a key for whoever runs it: that first, so that the server answers
    before its processors are asked for by a worker that loads."""
    from app.cli import children

    known = _with_operator_key(configured)
    log_dir = _log_dir(configured)
    supervisor.start(*children.workers(configured, log_dir))
    steps.note(f"listening on {children.url(configured)}, logs in {os.path.relpath(log_dir)}")
    return known


def _say_what_is_next(configured: "Settings", known: "Credentials", steps: "Steps") -> None:
    """Where the demo does not make a tenant, somebody has to."""
    from app.cli import credentials

    if not known.api_key:
        stored = os.path.relpath(configured.data_dir / credentials.FILE)
        steps.note(f"no tenant yet: sign in there with the operator_key of {stored}, and make one,")
        steps.note("or make it here: tocsin tenants create NAME")


def _log_dir(configured: "Settings") -> "Path":
    folder = configured.data_dir.resolve() / "logs"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _with_operator_key(configured: "Settings") -> "Credentials":
    """What `credentials.json` says, with a key that works: a lost one is replaced."""
    from app.cli import children, client, credentials
    from app.cli.failures import ServiceRefused

    url = children.url(configured)
    known = credentials.read(configured.data_dir)
    try:
        with client.opened(url, known.operator_key) as service:
            next(iter(service.list_tenants(limit=1)), None)
        found = replace(known, url=url)
    except ServiceRefused as error:
        if error.status not in (401, 403):
            raise
        found = replace(known, url=url, operator_key=_new_operator_key(configured))
    if found != known:
        credentials.write(configured.data_dir, found)
    return found


def _new_operator_key(configured: "Settings") -> str:
    from app.actions import accounts
    from app.actions.parts import assemble
    from app.store.audit import COMMAND_LINE
    from app.store.database import INSTALLATION

    parts = assemble(configured)
    try:
        _, key = accounts.add_key(parts, INSTALLATION, "tocsin up", ["admin"], by=COMMAND_LINE)
    finally:
        parts.close()
    return key.text


@contextmanager
def _demo(
    configured: "Settings", known: "Credentials", supervisor: "Supervisor", steps: "Steps"
) -> Iterator[None]:
    """Beside the supervisor, which has to stay in the main thread; ended with it."""
    from threading import Thread

    from app.cli import demo

    def run() -> None:
        demo.run(configured.data_dir, known, steps, lambda: supervisor.is_stop_asked)

    thread = Thread(target=run, name="demo", daemon=True)
    thread.start()
    yield
