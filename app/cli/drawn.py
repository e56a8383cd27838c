"""What was found in a file as a picture: values, the expected range, anomalies, events, alerts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from app.cli.detected import Found, Rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

RANGE, LINE, ANOMALY, EVENT = "#9ecae1", "#1f3b57", "#d62728", "#f4a582"


def draw(path: Path, rows: Rows, found: Found) -> None:
    picture(rows, found).savefig(path, dpi=110)


def picture(rows: Rows, found: Found) -> Figure:
    """Each field below the other; events are shaded, and a line stands where one alerts."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # a second to load: only if asked
    from matplotlib.figure import Figure

    d = len(rows.names)
    figure = Figure(figsize=(14, 1.5 + 2.5 * d), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(d, 1, sharex=True, squeeze=False)[:, 0]
    times = _times(rows)
    for field, axis in enumerate(axes):
        _draw_events(axis, times, found)
        _draw_field(axis, times, rows, found, field)
        axis.margins(x=0.01)
        axis.legend(loc="upper left", ncols=5, fontsize="small")
        axis.grid(alpha=0.25)
    return figure


def _draw_events(axis: Axes, times: npt.NDArray[Any], found: Found) -> None:
    """The first of each kind names it in the legend."""
    for number, (first, last) in enumerate(spans(found)):
        names = ("event", "alert") if number == 0 else ("_", "_")
        axis.axvspan(times[first], times[last], color=EVENT, alpha=0.35, label=names[0])
        axis.axvline(times[first], color=ANOMALY, linewidth=1.0, linestyle="--", label=names[1])


def spans(found: Found) -> Iterator[tuple[int, int]]:
    """The first and the last point of each event."""
    for number in range(1, found.events + 1):
        places = np.flatnonzero(found.alarms.event == number)
        yield int(places[0]), int(places[-1])


def _draw_field(axis: Axes, times: npt.NDArray[Any], rows: Rows, found: Found, field: int) -> None:
    verdicts, name = found.verdicts, rows.names[field]
    values, flags = rows.points.values[:, field], verdicts.is_anomaly
    axis.fill_between(
        times,
        verdicts.lower[:, field],
        verdicts.upper[:, field],
        color=RANGE,
        alpha=0.6,
        linewidth=0,
        label="expected range",
    )
    axis.plot(times, values, color=LINE, linewidth=0.7, label=name)
    axis.plot(times[flags], values[flags], "o", color=ANOMALY, markersize=4, label="anomaly")
    axis.set_ylabel(name)


def _times(rows: Rows) -> npt.NDArray[Any]:
    if rows.labels[0] == "0":
        return np.arange(len(rows.points))
    return rows.points.times.astype("datetime64[ns]")
