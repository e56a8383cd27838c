"""A CSV file as points, and what was found in it: as text, CSV or JSON."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from app.detection import Alarms, Points, Verdicts, Watch, watch
from app.errors import Invalid, RowError
from app.ingest.chunk import Chunk
from app.ingest.csv import read_csv
from app.ingest.inflate import inflate

SECOND_NS = 1_000_000_000
INFLATED_BYTES_MAX = 4 << 30
ERRORS_KEPT = 10
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


@dataclass(frozen=True, eq=False)
class Found:
    """What is said of each point, and which of them belong to one event."""

    verdicts: Verdicts
    alarms: Alarms

    @classmethod
    def of(cls, verdicts: Verdicts) -> Found:
        """With the events that the verdicts make, from a fresh start."""
        alarms, _ = watch(Watch(), verdicts.strength, verdicts.is_anomaly)
        return cls(verdicts, alarms)

    @property
    def events(self) -> int:
        return int(np.count_nonzero(self.alarms.is_alert))

    def event(self, at: int) -> str:
        """The number of the event that a point belongs to, empty for none."""
        number = int(self.alarms.event[at])
        return str(number) if number >= 0 else ""


def read(file: Path, timestamp_column: str | None, value_column: str | None) -> Rows:
    with file.open("rb") as stream:
        source = inflate(stream, INFLATED_BYTES_MAX) if file.suffix == ".gz" else stream
        read_chunks = read_csv(
            source, timestamp_column=timestamp_column, value_column=value_column, counted=True
        )
        chunks = _sound(file, read_chunks)
    times = np.concatenate([chunk.times for chunk in chunks])
    values = np.concatenate([chunk.values for chunk in chunks])
    return _rows(chunks[0].columns, times, values)


def _sound(file: Path, read_chunks: Iterable[Chunk]) -> list[Chunk]:
    """All of them; once a row is bad the others are only counted, and `left_out` says how many bad
    ones are not named."""
    chunks: list[Chunk] = []
    errors: list[RowError] = []
    bad = 0
    for chunk in read_chunks:
        bad += len(chunk.errors)
        errors += chunk.errors[: ERRORS_KEPT - len(errors)]
        if bad:
            chunks.clear()
        else:
            chunks.append(chunk)
    if bad:
        wrong = f"{file} has rows that cannot be read"
        raise Invalid(wrong, errors, left_out=bad - len(errors))
    return chunks


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


def summary_line(rows: Rows, found: Found) -> str:
    """The summary line."""
    anomalies, n = int(np.count_nonzero(found.verdicts.is_anomaly)), len(rows.points)
    events = "1 event" if found.events == 1 else f"{found.events} events"
    repeated = {0: "", 1: "; 1 row repeats a time"}.get(
        rows.repeated, f"; {rows.repeated} rows repeat a time"
    )
    rule = "; the first of each counts" if rows.repeated else ""
    return f"{anomalies} of {n} points are anomalous, {events}{repeated}{rule}"


def anomalous_rows(rows: Rows, verdicts: Verdicts) -> list[int]:
    """The rows of anomalous points, most anomalous first, each point once."""
    _, first = np.unique(rows.place, return_index=True)
    found = [int(row) for row in first if verdicts.is_anomaly[rows.place[row]]]
    return sorted(found, key=lambda row: -verdicts.score[rows.place[row]])


def summary(rows: Rows, found: Found) -> dict[str, Any]:
    """Counts and the anomalies in order of time, as the service would answer them."""
    order = sorted(anomalous_rows(rows, found.verdicts), key=lambda row: rows.place[row])
    return {
        "points": len(rows.points),
        "anomalies": len(order),
        "events": found.events,
        "data": [_score(rows, found, row) for row in order],
    }


def _score(rows: Rows, found: Found, row: int) -> dict[str, Any]:
    at, verdicts = int(rows.place[row]), found.verdicts

    def told(values: npt.NDArray[np.float64]) -> Any:
        plain = [None if np.isnan(x) else x for x in values.tolist()]
        return plain[0] if len(plain) == 1 else dict(zip(rows.names, plain, strict=True))

    answer = {
        "timestamp": rows.labels[row],
        "value": told(rows.points.values[at]),
        "score": float(verdicts.score[at]),
        "is_anomaly": bool(verdicts.is_anomaly[at]),
        "alert": bool(found.alarms.is_alert[at]),
        "event": found.event(at) or None,
        "threshold": float(verdicts.threshold[at]),
        "expected": told(verdicts.expected[at]),
        "lower": told(verdicts.lower[at]),
        "upper": told(verdicts.upper[at]),
        "reason": verdicts.reasons[at],
    }
    if len(rows.names) > 1:
        answer["contributions"] = told(verdicts.contributions[at])
    return answer


def write(path: Path, rows: Rows, found: Found) -> None:
    """A row for each row of the file, in its order."""
    columns = _columns(rows, found)
    frame = pd.DataFrame(dict(enumerate(column for _, column in columns)))
    head = [_text(name) for name, _ in columns]
    frame.to_csv(path, header=head, index=False, lineterminator="\n", encoding="utf-8")


def _columns(rows: Rows, found: Found) -> list[tuple[str, Any]]:
    """Names and cells; by number and not by name, since a field may be called as a column is."""
    place, fields, verdicts = rows.place, range(len(rows.names)), found.verdicts
    bands = {"expected": verdicts.expected, "lower": verdicts.lower, "upper": verdicts.upper}
    suffixes = [f"_{name}" for name in rows.names] if len(rows.names) > 1 else [""]
    return [
        ("timestamp", rows.labels),
        *((name, rows.values[:, field]) for field, name in enumerate(rows.names)),
        ("score", verdicts.score[place]),
        ("is_anomaly", np.where(verdicts.is_anomaly[place], "true", "false")),
        ("alarm", found.alarms.alarm[place]),
        ("alert", np.where(found.alarms.is_alert[place], "true", "false")),
        ("event", [found.event(at) for at in place.tolist()]),
        *((k + suffixes[f], band[place, f]) for k, band in bands.items() for f in fields),
        ("reason", [_text(verdicts.reasons[at]) for at in place.tolist()]),
    ]


def _text(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
