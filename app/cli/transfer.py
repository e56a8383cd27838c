"""`tocsin export` and `tocsin import`: one tenant, in formats that anybody can read."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli import output
from app.cli.output import AsJson

if TYPE_CHECKING:
    from app.actions.importing import Contents
    from app.store.archive import Progress


def export(
    tenant: Annotated[str, typer.Argument(help="The tenant, by its slug.")],
    file: Annotated[
        Path | None, typer.Argument(help="File to write; default: the slug and `.zip`.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a tenant's series, points, scores and events as JSON and CSV into a zip.

    Beside the database, as operator keys are made.
    """
    from app.actions import exporting
    from app.cli import direct

    path = file or Path(f"{tenant}.zip")
    with direct.opened() as parts, _counting(f"Exporting {tenant}") as progress:
        counts = exporting.export(parts, tenant, path, progress)
    output.one(counts, as_json)
    output.message(f"{path}: {path.stat().st_size:,} bytes. Models stay: they come of the points.")


def import_(
    file: Annotated[Path, typer.Argument(help="What `tocsin export` wrote.")],
    slug: Annotated[
        str | None, typer.Option("--as", help="Slug of the new tenant, if it is to be another.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a tenant of an export, here or elsewhere, and print its first key.

    Points, scores and events are what they were; models are trained anew.
    """
    from app.actions import importing
    from app.api import shown
    from app.cli import direct
    from app.store import archive
    from app.store.audit import COMMAND_LINE

    with (
        direct.opened() as parts,
        archive.opened(file) as zipped,
        _counting(f"Importing {file}") as progress,
    ):
        tenant, series = checked(importing.contents(zipped, file.stat().st_size), slug)
        made = importing.store(parts, zipped, tenant, series, progress, by=COMMAND_LINE)
    key = shown.new_key(made.stored_key, made.key)
    if as_json:
        output.data({"slug": made.tenant.slug, "api_key": key, "imported": made.counts})
        return
    output.one(made.counts, as_json)
    output.message(f"{made.trainings} models are trained anew. The first key, shown this once:")
    print(key["secret"])


def checked(
    contents: "Contents", slug: str | None
) -> tuple[dict[str, Any], "Iterator[dict[str, Any]]"]:
    """By the same rules as what the API takes, since anybody may have written the file; series are
    checked as they are taken."""
    from app.api.exported import ExportedSeries, ExportedTenant

    given = contents.tenant | ({"slug": slug} if slug else {})
    with _named("tenant.json"):
        tenant = ExportedTenant.model_validate(given).columns()

    def series() -> Iterator[dict[str, Any]]:
        for place, one in enumerate(contents.series):
            with _named(f"series.json, entry {place + 1}"):
                columns = ExportedSeries.model_validate(one).columns()
            yield columns

    return tenant, series()


@contextmanager
def _named(where: str) -> Iterator[None]:
    from pydantic import ValidationError

    from app.cli.failures import CommandFailed

    try:
        yield
    except ValidationError as error:
        wrong = error.errors()[0]
        field = ".".join(map(str, wrong["loc"]))
        raise CommandFailed(f"{where}: {field}: {wrong['msg']}") from None


@contextmanager
def _counting(doing: str) -> "Iterator[Progress]":
    """How many series are done; nothing where stderr is no terminal."""
    with output.progress() as shown:
        bar = shown.add_task(doing, total=None)
        done = 0

        def show(_: str, more: int) -> None:
            nonlocal done
            done += more
            shown.update(bar, description=f"{doing}: {done} series")

        yield show
