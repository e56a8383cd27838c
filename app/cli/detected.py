"""A CSV file as points, and what was found in it: as text, CSV, JSON or a picture."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from app.detection import Points, Verdicts
from app.errors import Invalid
from app.ingest.csv import read_csv
from app.ingest.inflate import inflate

SECOND_NS = 1_000_000_000
INFLATED_BYTES_MAX = 4 << 30
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would run such a text


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of a file as they stand there, and the points they make: ascending, each time once.

    place: (rows,) which point each row is; labels: what is shown as its time; repeated: rows whose
    time an earlier row had.
    """

    names: tuple[str, ...]
    values: npt.NDArray[np.float64]
    place: npt.NDArray[np.int64]
    labels: list[str]
    points: Points
    repeated: int


def read(file: Path, timestamp_column: str | None, value_column: str | None) -> Rows:
    with file.open("rb") as stream:
        source = inflate(stream, INFLATED_BYTES_MAX) if file.suffix == ".gz" else stream
        chunks = list(
            read_csv(
                source, timestamp_column=timestamp_column, value_column=value_column, counted=True
            )
        )
    errors = [error for chunk in chunks for error in chunk.errors]
    if errors:
        raise Invalid(f"{file} has rows that cannot be read", errors)
    times = np.concatenate([chunk.times for chunk in chunks])
    values = np.concatenate([chunk.values for chunk in chunks])
    return _rows(chunks[0].columns, times, values)


def _rows(
    names: tuple[str, ...], times: npt.NDArray[np.int64], values: npt.NDArray[np.float64]
) -> Rows:
    """Rows in any order; of those with the same time the first one counts, as in an upload."""
    unique, first, place = np.unique(times, return_index=True, return_inverse=True)
    is_counted = np.array_equal(times, np.arange(len(times)) * SECOND_NS)
    labels = (
        [str(i) for i in range(len(times))] if is_counted else [_moment(t) for t in times.tolist()]
    )
    points = Points.checked(unique, values[first])
    return Rows(names, values, place, labels, points, len(times) - len(unique))


def _moment(time_ns: int) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time_ns // 1000)
    return moment.isoformat().replace("+00:00", "Z")


def summary_line(rows: Rows, verdicts: Verdicts) -> str:
    """The summary line."""
    anomalies, n = int(np.count_nonzero(verdicts.is_anomaly)), len(rows.points)
    repeated = {0: "", 1: "; 1 row repeats a time"}.get(
        rows.repeated, f"; {rows.repeated} rows repeat a time"
    )
    rule = "; the first of each counts" if rows.repeated else ""
    return f"{anomalies} of {n} points are anomalous{repeated}{rule}"


def anomalous_rows(rows: Rows, verdicts: Verdicts) -> list[int]:
    """The rows of anomalous points, most anomalous first, each point once."""
    _, first = np.unique(rows.place, return_index=True)
    found = [int(row) for row in first if verdicts.is_anomaly[rows.place[row]]]
    return sorted(found, key=lambda row: -verdicts.score[rows.place[row]])


def summary(rows: Rows, verdicts: Verdicts) -> dict[str, Any]:
    """Counts and the anomalies in order of time, as the service would answer them."""
    order = sorted(anomalous_rows(rows, verdicts), key=lambda row: rows.place[row])
    return {
        "points": len(rows.points),
        "anomalies": len(order),
        "data": [_score(rows, verdicts, row) for row in order],
    }


def _score(rows: Rows, verdicts: Verdicts, row: int) -> dict[str, Any]:
    at = int(rows.place[row])

    def told(values: npt.NDArray[np.float64]) -> Any:
        plain = [None if np.isnan(x) else x for x in values.tolist()]
        return plain[0] if len(plain) == 1 else dict(zip(rows.names, plain, strict=True))

    answer = {
        "timestamp": rows.labels[row],
        "value": told(rows.points.values[at]),
        "score": float(verdicts.score[at]),
        "is_anomaly": bool(verdicts.is_anomaly[at]),
        "threshold": float(verdicts.threshold[at]),
        "expected": told(verdicts.expected[at]),
        "lower": told(verdicts.lower[at]),
        "upper": told(verdicts.upper[at]),
        "reason": verdicts.reasons[at],
    }
    if len(rows.names) > 1:
        answer["contributions"] = told(verdicts.contributions[at])
    return answer


def write(path: Path, rows: Rows, verdicts: Verdicts) -> None:
    """A row for each row of the file, in its order; `alert` and `event` are for events to come."""
    columns = _columns(rows, verdicts)
    frame = pd.DataFrame(dict(enumerate(column for _, column in columns)))
    head = [_text(name) for name, _ in columns]
    frame.to_csv(path, header=head, index=False, lineterminator="\n", encoding="utf-8")


def _columns(rows: Rows, verdicts: Verdicts) -> list[tuple[str, Any]]:
    """Names and cells; by number and not by name, since a field may be called as a column is."""
    place, fields = rows.place, range(len(rows.names))
    bands = {"expected": verdicts.expected, "lower": verdicts.lower, "upper": verdicts.upper}
    suffixes = [f"_{name}" for name in rows.names] if len(rows.names) > 1 else [""]
    return [
        ("timestamp", rows.labels),
        *((name, rows.values[:, field]) for field, name in enumerate(rows.names)),
        ("score", verdicts.score[place]),
        ("is_anomaly", np.where(verdicts.is_anomaly[place], "true", "false")),
        ("alarm", verdicts.score[place]),
        ("alert", ""),
        ("event", ""),
        *((k + suffixes[f], band[place, f]) for k, band in bands.items() for f in fields),
        ("reason", [_text(verdicts.reasons[at]) for at in place.tolist()]),
    ]


def _text(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def draw(path: Path, rows: Rows, verdicts: Verdicts) -> None:
    """Each field below the other: values, band, and the anomalies marked."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # a second to load: only if asked
    from matplotlib.figure import Figure

    d, flags = len(rows.names), verdicts.is_anomaly
    figure = Figure(figsize=(14, 1.5 + 2.5 * d), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(d, 1, sharex=True, squeeze=False)[:, 0]
    times = _axis(rows)
    for field, (axis, name) in enumerate(zip(axes, rows.names, strict=True)):
        values = rows.points.values[:, field]
        axis.fill_between(
            times,
            verdicts.lower[:, field],
            verdicts.upper[:, field],
            color="#9ecae1",
            alpha=0.6,
            linewidth=0,
            label="expected range",
        )
        axis.plot(times, values, color="#1f3b57", linewidth=0.7, label=name)
        axis.plot(times[flags], values[flags], "o", color="#d62728", markersize=4, label="anomaly")
        axis.set_ylabel(name)
        axis.margins(x=0.01)
        axis.legend(loc="upper left", ncols=3, fontsize="small")
        axis.grid(alpha=0.25)
    figure.savefig(path, dpi=110)


def _axis(rows: Rows) -> npt.NDArray[Any]:
    if rows.labels[0] == "0":
        return np.arange(len(rows.points))
    return rows.points.times.astype("datetime64[ns]")
