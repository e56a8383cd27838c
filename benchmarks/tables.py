"""One table in the forms it is needed in: on a terminal, in Markdown, between two markers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table as Grid

WIDTH = 150  # of a table where no terminal says how wide it is


@dataclass(frozen=True)
class Table:
    """A head and rows of text; the first column names the row, the others are numbers."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def markdown(self) -> str:
        """The table in Markdown, numbers to the right."""
        rules = ["---", *["---:"] * (len(self.head) - 1)]
        return "\n".join(_lines([self.head, rules, *self.rows]))

    def show(self, console: Console) -> None:
        """The table on a terminal."""
        grid = Grid(*self.head, highlight=False)
        grid.columns[0].no_wrap = True
        for column in grid.columns[1:]:
            column.justify = "right"
        for row in self.rows:
            grid.add_row(*row)
        console.print(grid)


def _lines(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    for row in rows:
        yield f"| {' | '.join(row)} |"


def wide_console() -> Console:
    """The terminal, or as wide as a table needs where the output goes elsewhere."""
    console = Console()
    return console if console.is_terminal else Console(width=WIDTH)


def put_between(path: Path, name: str, text: str) -> None:
    """Replace what stands between the markers of this name in a Markdown file.

    The markers are comments, `<!-- name -->` and `<!-- /name -->`; ValueError where they are not.
    """
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, found, rest = path.read_text().partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{path} has no {begin} followed by {end}")
    path.write_text(f"{before}{begin}\n{text.strip()}\n{end}{after}")
