"""`tocsin`: all commands, and what becomes of their errors."""

import sys

import typer

from app.cli import (
    anomalies,
    audit,
    backup,
    detect,
    doctor,
    events,
    keys,
    migrate,
    output,
    score,
    series,
    serve,
    tenants,
    train,
    transfer,
    up,
    upload,
    webhooks,
    worker,
)
from app.cli.failures import EXIT_CODES, CommandFailed, ServiceRefused, exit_code
from app.errors import Invalid, TocsinError

INTERRUPTED = 130

app = typer.Typer(
    name="tocsin",
    help="Anomaly detection for time series, for many tenants.",
    epilog=f"{EXIT_CODES} Settings are environment variables; `tocsin doctor` checks them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
RUN, CLIENT, ALONE = "Run the service", "Talk to a running service", "Without a service"
for command, panel in (
    (up.up, RUN),
    (serve.serve, RUN),
    (worker.worker, RUN),
    (migrate.migrate, RUN),
    (backup.backup, RUN),
    (backup.restore, RUN),
    (transfer.export, RUN),
    (doctor.doctor, RUN),
    (detect.detect, ALONE),
    (upload.upload, CLIENT),
    (train.train, CLIENT),
    (score.score, CLIENT),
    (anomalies.anomalies, CLIENT),
    (events.events, CLIENT),
    (audit.audit, CLIENT),
):
    app.command(rich_help_panel=panel)(command)
app.command("import", rich_help_panel=RUN)(transfer.import_)
app.add_typer(series.app, name="series", rich_help_panel=CLIENT)
app.add_typer(keys.app, name="keys", rich_help_panel=CLIENT)
app.add_typer(webhooks.app, name="webhooks", rich_help_panel=CLIENT)
app.add_typer(tenants.app, name="tenants", rich_help_panel=CLIENT)


def main() -> None:
    """The program."""
    try:
        app()
    except (CommandFailed, TocsinError) as error:
        tell(error)
        sys.exit(exit_code(error))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def tell(error: CommandFailed | TocsinError) -> None:
    """What went wrong, and with which fields or lines, for people."""
    is_of_service = isinstance(error, ServiceRefused)  # the lines of others are our own
    output.message(f"tocsin: {output.visible(error.detail) if is_of_service else error.detail}")
    lines = error.lines if isinstance(error, ServiceRefused) else []
    if isinstance(error, Invalid):
        lines = [str(one.message) for one in error.errors]
    for line in lines:
        output.message(f"  {output.visible(line)}")
