"""Anomalies to read: points that follow each other are one row, with their most extreme value."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.cli import client, output

if TYPE_CHECKING:
    from app.client import Tocsin

Scores = Sequence[dict[str, Any]]
LONGEST_GAP = timedelta(hours=12)  # longer, and another run begins


def show(service: "Tocsin", series: str, console: Console) -> None:
    """A table of all anomalies of a series with one field, newest last."""
    anomalies = client.raws(service.list_scores(series, anomalies_only=True))
    points = service.get_series(series).points
    grouped = runs(anomalies)
    title = f"{points:,} points, {len(anomalies)} of them anomalous, in {len(grouped)} runs"
    console.print()
    console.print(drawn(title, grouped))


def drawn(title: str, grouped: Sequence[Scores]) -> Table:
    """A row for each run, by its most extreme value."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for name, justify in (("day", "left"), ("points", "right"), ("value", "right")):
        table.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    table.add_column("expected", justify="right", no_wrap=True)
    table.add_column("score", justify="right", no_wrap=True)
    table.add_column("reason", overflow="fold")
    for run in grouped:
        table.add_row(*(Text(output.visible(cell)) for cell in _cells(run)))
    return table


def runs(anomalies: Scores) -> list[list[dict[str, Any]]]:
    """Anomalies in the order of time, cut where none follows for half a day."""
    grouped: list[list[dict[str, Any]]] = []
    for anomaly in anomalies:
        if grouped and _time(anomaly) - _time(grouped[-1][-1]) <= LONGEST_GAP:
            grouped[-1].append(anomaly)
        else:
            grouped.append([anomaly])
    return grouped


def most_extreme(run: Scores) -> dict[str, Any]:
    """The one with the highest score; of equals, the farthest from what was expected."""
    return max(run, key=lambda one: (one["score"], _distance(one)))


def _cells(run: Scores) -> tuple[str, ...]:
    peak = most_extreme(run)
    return (
        f"{_time(peak):%a %d %b %Y %H:%M}",
        str(len(run)),
        output.text(peak["value"]),
        output.text(peak["expected"]),
        f"{peak['score']:.4f}",
        peak["reason"],
    )


def _time(score: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(score["timestamp"])


def _distance(score: dict[str, Any]) -> float:
    value, expected = float(score["value"] or 0.0), float(score["expected"] or 0.0)
    return abs(value - expected)
