"""`tocsin backup` and `tocsin restore`: the whole installation in one file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli import output
from app.cli.output import AsJson

if TYPE_CHECKING:
    from app.cli.steps import Steps
    from app.settings import Settings
    from app.store.archive import Manifest, Progress

COLUMNS: output.Columns = {
    "table": lambda part: part.table,
    "rows": lambda part: f"{part.rows:,}",
    "bytes": lambda part: f"{part.size_bytes:,}",
}


def backup(
    file: Annotated[Path, typer.Argument(help="File to write; there must be none yet.")],
    as_json: AsJson = False,
) -> None:
    """Write all of the installation into a file, as it is now, while it goes on running.

    The file holds no secret: keep `TOCSIN_SECRET_FILE` apart from it, and both safe.
    """
    from app import settings
    from app.actions import backups
    from app.cli.steps import Steps

    configured = settings.read()
    backups.own_secret(configured)  # before servers are started for nothing
    with _reached(configured, Steps(is_stderr=True)) as reached, _progress() as progress:
        written = backups.take(reached, file, progress)
    _show(written, as_json)
    output.message(
        f"{file}: {file.stat().st_size:,} bytes. The secret is not in it: keep a copy of "
        f"{configured.secret_path.resolve()}, or no API key of this backup will work."
    )


def restore(
    file: Annotated[Path, typer.Argument(help="What `tocsin backup` wrote.")],
    has_other_secret: Annotated[
        bool,
        typer.Option(
            "--other-secret", help="Restore although the secret is lost: no API key will work."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring a backup into a new installation, whose server and workers are stopped.

    All of it or nothing: the file is read through before anything is written.
    """
    from app import settings
    from app.actions import backups
    from app.cli import own_servers
    from app.cli.steps import Steps

    configured = settings.read()
    backups.checked(configured, file, has_other_secret)  # before a data folder is made for it
    with own_servers.alone(configured, Steps(is_stderr=True)) as reached, _progress() as progress:
        found = backups.put_back(reached, file, progress, has_other_secret)
    _show(found, as_json)
    output.message(f"Restored as it was at {found.taken_at}. `tocsin doctor` looks at all of it.")
    if has_other_secret:
        output.message(
            "No API key of the backup works with another secret than it was taken under. Make new "
            "ones: `tocsin keys create --operator` first."
        )


@contextmanager
def _reached(configured: "Settings", steps: "Steps") -> "Iterator[Settings]":
    """What runs, or else the embedded servers, for as long as this takes."""
    from app.cli import own_servers, servers

    running = servers.reachable(configured)
    if running.owner_database_url is not None or configured.database_url is not None:
        yield running
        return
    with own_servers.alone(configured, steps) as started:
        yield started


@contextmanager
def _progress() -> "Iterator[Progress]":
    """A line for each table, as far as it is; nothing where stderr is no terminal."""
    with output.progress() as shown:
        bars: dict[str, Any] = {}

        def show(table: str, size_bytes: int) -> None:
            if table not in bars:
                for bar in bars.values():
                    shown.update(bar, total=1, completed=1)
                bars[table] = shown.add_task(table, total=None)
            shown.update(bars[table], description=f"{table}: {size_bytes / 1e6:,.1f} MB")

        yield show


def _show(manifest: "Manifest", as_json: bool) -> None:
    from dataclasses import asdict

    if as_json:
        output.data(asdict(manifest))
    else:
        output.table(manifest.parts, COLUMNS, numbers=("rows", "bytes"))
