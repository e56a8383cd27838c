"""`tocsin detect`: the anomalies of a CSV file, without a service."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli import output as terminal
from app.cli.failures import WrongUsage
from app.errors import FieldError, Invalid, RowError, TocsinError

if TYPE_CHECKING:  # numpy and scikit-learn take a second to load: no other command waits for them
    from app.cli.detected import Found, Rows
    from app.detection import Settings, Verdicts

SHOWN = 20
ERRORS_SHOWN = 10


File = Annotated[Path, typer.Argument(help="CSV file, also gzipped (.gz).", show_default=False)]
Warmup = Annotated[
    str, typer.Option(help="Points before the first training: a share (750 at most) or a number.")
]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="Write every point with its verdict here.")
]
Plot = Annotated[Path | None, typer.Option(help="Draw the series and its anomalies here.")]
TimestampColumn = Annotated[str | None, typer.Option(help="If not `timestamp`.")]
ValueColumn = Annotated[str | None, typer.Option(help="Take this column only.")]
Trees = Annotated[int, typer.Option(help="Trees of each forest.")]
Samples = Annotated[int, typer.Option(help="Rows drawn for each tree.")]
Contamination = Annotated[str, typer.Option(help="Share of anomalies, or auto.")]
Season = Annotated[str, typer.Option(help="Such as 1d,7d; or auto, or none.")]
Interval = Annotated[str, typer.Option(help="Between points, such as 30m; or auto.")]
Timezone = Annotated[str, typer.Option(help="Clock of days, as Europe/Berlin.")]
RandomState = Annotated[int, typer.Option(help="The same gives the same, bit for bit.")]


def detect(
    file: File,
    warmup: Warmup = "0.15",
    output: Output = None,
    plot: Plot = None,
    as_json: terminal.AsJson = False,
    timestamp_column: TimestampColumn = None,
    value_column: ValueColumn = None,
    n_estimators: Trees = 100,
    max_samples: Samples = 256,
    contamination: Contamination = "auto",
    season: Season = "auto",
    interval: Interval = "auto",
    timezone: Timezone = "UTC",
    random_state: RandomState = 0,
) -> None:
    """Find the anomalies in a CSV file.

    Each point is judged by what came before it. Without -o the most anomalous points are shown.
    A file without a timestamp column counts its points.
    """
    document = {
        "n_estimators": n_estimators,
        "max_samples": max_samples,
        "contamination": _number_or_word(contamination),
        "season": _list_or_word(season),
        "interval": interval,
        "timezone": timezone,
        "random_state": random_state,
    }
    from app.cli import detected
    from app.detection import Settings

    if output is not None and output.exists() and output.samefile(file):
        raise WrongUsage(f"{output} is the file itself; the result would overwrite it")
    with _explained(file):
        settings, first = Settings.from_json(document), _warmup(warmup)
        rows = detected.read(file, timestamp_column, value_column)
        found = detected.Found.of(_replayed(rows, settings, first))
    _write(rows, found, output, plot)
    _tell(rows, found, as_json, has_table=output is None)


@contextmanager
def _explained(file: Path) -> Iterator[None]:
    """What is wrong with the file or an option becomes wrong usage, told line by line."""
    try:
        yield
    except OSError as error:
        raise WrongUsage(f"{file} cannot be read: {error.strerror or error}") from error
    except Invalid as error:
        told = [line for one in error.errors if (line := _line(one)) != error.detail]
        lines = told[:ERRORS_SHOWN]
        more = len(told) - len(lines) + error.extra.get("left_out", 0)
        rest = [f"and {more:,} more"] if more else []
        raise WrongUsage("\n  ".join([error.detail, *lines, *rest])) from error
    except TocsinError as error:
        raise WrongUsage(f"{file}: {error.detail}") from error


@contextmanager
def _writable() -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:  # ValueError: a picture format that there is not
        raise WrongUsage(f"The result cannot be written: {error}") from error


def _line(error: FieldError | RowError) -> str:
    if isinstance(error, FieldError):
        return f"{error.field} {error.message}"
    column = f", {error.column}" if error.column else ""
    return f"line {error.row}{column}: {error.message}"


def _warmup(text: str) -> int | float:
    if re.fullmatch(r"[0-9]{1,9}", text):
        return int(text)
    if re.fullmatch(r"0?\.[0-9]{1,18}", text):
        return float(text)
    message = "must be a number of points such as 750, or a share below 1 such as 0.15"
    raise Invalid("The command cannot be understood", [FieldError("warmup", message)])


def _number_or_word(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _list_or_word(text: str) -> list[str] | str:
    if text == "auto":
        return text
    return [] if text in ("none", "") else [part.strip() for part in text.split(",")]


def _replayed(rows: Rows, settings: Settings, warmup: int | float) -> Verdicts:
    from app.detection import replay

    with terminal.progress() as bar:
        task = bar.add_task("Judging", total=1.0)
        return replay(
            rows.points,
            settings,
            warmup,
            progress=lambda share: bar.update(task, completed=share),
            names=rows.names,
        )


def _write(rows: Rows, found: Found, output: Path | None, plot: Path | None) -> None:
    from app.cli import detected, drawn

    with _writable():
        if output is not None:
            detected.write(output, rows, found)
        if plot is not None:
            drawn.draw(plot, rows, found)


def _tell(rows: Rows, found: Found, as_json: bool, has_table: bool) -> None:
    from app.cli import detected

    if as_json:
        terminal.data(detected.summary(rows, found))
        return
    if has_table:
        _show(rows, found.verdicts)
    typer.echo(detected.summary_line(rows, found))


def _show(rows: Rows, verdicts: Verdicts) -> None:
    """The most anomalous points as a table."""
    from app.cli.detected import anomalous_rows

    place = rows.place.tolist()
    columns: terminal.Columns = {
        "time": lambda row: rows.labels[row],
        "value": lambda row: _several(rows.points.values[place[row]]),
        "expected": lambda row: _several(verdicts.expected[place[row]]),
        "score": lambda row: f"{verdicts.score[place[row]]:.5f}",
        "reason": lambda row: verdicts.reasons[place[row]],
    }
    order = anomalous_rows(rows, verdicts)[:SHOWN]
    if order:
        terminal.table(order, columns, numbers=("value", "expected", "score"))


def _several(values: Any) -> str:
    return ", ".join("" if x != x else terminal.number(x) for x in values.tolist())
