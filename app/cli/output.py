"""What commands print: tables to read on a terminal, JSON for pipes; messages go to stderr.

Names, reasons and errors come from other people, and a terminal obeys control characters: in text
for people they are spelled out.
"""

import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for pipes.")]
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")  # C0, DEL, C1
NOT_IN_JSON = re.compile("[\x7f-\x9f]")  # those that JSON does not spell out itself
Columns = Mapping[str, Callable[[Any], str]]  # title -> what of a row stands below it


def data(content: Any) -> None:
    """JSON to stdout."""
    indent = 2 if sys.stdout.isatty() else None
    text = json.dumps(content, indent=indent, ensure_ascii=False)
    sys.stdout.write(NOT_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n")


def table(rows: Iterable[Any], columns: Columns, numbers: Sequence[str] = ()) -> None:
    """Rows to read; titles in `numbers` are set to the right."""
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, header_style="bold", pad_edge=False)
    for title in columns:
        is_number = title in numbers
        drawn.add_column(
            title, justify="right" if is_number else "left", overflow="fold", no_wrap=is_number
        )
    for row in rows:
        drawn.add_row(*(Text(visible(shown(row))) for shown in columns.values()))
    console().print(drawn)


def listed(
    rows: Sequence[Any], columns: Columns, as_json: bool, nothing: str, numbers: Sequence[str] = ()
) -> None:
    """A list, in the form that was asked for; `nothing` says so where it is empty."""
    if as_json:
        data(rows)
    elif rows:
        table(rows, columns, numbers)
    else:
        message(nothing)


def one(thing: Mapping[str, Any], as_json: bool) -> None:
    """One thing, a line for each of its properties."""
    if as_json:
        data(thing)
        return
    table(thing.items(), {"": lambda pair: pair[0].replace("_", " "), " ": lambda p: text(p[1])})


def message(line: str) -> None:
    """A line for people, to stderr."""
    print("\n".join(map(visible, line.split("\n"))), file=sys.stderr)


def visible(text: str) -> str:
    """One line, whose control characters are spelled out: ESC as `\\x1b`."""
    return CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def console(is_stderr: bool = False) -> "Console":
    """For people; wide where it is no terminal: who reads a pipe or a log cuts it himself."""
    from rich.console import Console

    made = Console(stderr=is_stderr, highlight=False)
    if not made.is_terminal:
        made.width = 200
    return made


def progress(shown_on: "Console | None" = None) -> "Progress":
    """A bar on stderr that is gone when it is full; nothing where stderr is no terminal."""
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TimeElapsedColumn

    from app.cli.described import DescriptionColumn

    shown_on = shown_on or console(is_stderr=True)
    return Progress(
        DescriptionColumn(),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        console=shown_on,
        transient=True,
        disable=not shown_on.is_terminal,
    )


def text(value: Any) -> str:
    """A value in a cell."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return number(value)
    if isinstance(value, list):
        return ", ".join(map(text, value))
    if isinstance(value, dict):
        return ", ".join(f"{name}={text(part)}" for name, part in value.items())
    return str(value)


def number(value: float) -> str:
    """Six significant digits, without an exponent where it can be read so."""
    return f"{value:,.0f}" if abs(value) >= 1e4 and abs(value) < 1e15 else f"{value:.6g}"
