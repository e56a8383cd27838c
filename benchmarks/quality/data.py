"""The labelled series: NAB, the UCR archive, SKAB, each file as it is published."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from app.detection import Points
from benchmarks.quality.nab import Window

SECOND_NS = 1_000_000_000
# The demo's series was looked at while the detector was made: it does not count.
DEMO = "realKnownCause__nyc_taxi.csv"

SHORT = {
    "nab": (
        "artificialNoAnomaly__art_noisy.csv",
        "artificialWithAnomaly__art_daily_flatmiddle.csv",
        "artificialWithAnomaly__art_daily_jumpsup.csv",
        "realAWSCloudwatch__ec2_cpu_utilization_825cc2.csv",
        "realAWSCloudwatch__rds_cpu_utilization_e47b3b.csv",
        "realAdExchange__exchange-3_cpc_results.csv",
        "realAdExchange__exchange-4_cpm_results.csv",
        "realKnownCause__ec2_request_latency_system_failure.csv",
        "realTraffic__TravelTime_451.csv",
        "realTraffic__speed_6005.csv",
    ),
    "ucr": (
        "024_UCR_Anomaly_DISTORTEDInternalBleeding10_3200_4526_4556.csv",
        "116_UCR_Anomaly_CIMIS44AirTemperature4_4000_5549_5597.csv",
        "135_UCR_Anomaly_InternalBleeding16_1200_4187_4199.csv",
        "141_UCR_Anomaly_InternalBleeding5_4000_6200_6370.csv",
    ),
    "skab": ("0.csv", "4.csv"),
}


@dataclass(frozen=True, eq=False)
class Series:
    """A file as it stands there, and the points it makes: ascending, each time once.

    place: (rows,), which point each row is. windows: of NAB, first and last row of each. labels:
    of UCR and SKAB, (rows,), 1 where anomalous; else empty.
    """

    points: Points
    place: npt.NDArray[np.int64]
    windows: tuple[Window, ...]
    labels: npt.NDArray[np.int64]


def names(data: Path, is_short: bool = False) -> dict[str, list[str]]:
    """The files of each collection that is there and counts; `is_short` keeps a few of each."""
    found = {folder: _names(data / folder) for folder in SHORT}
    if is_short:
        found = {k: [name for name in files if name in SHORT[k]] for k, files in found.items()}
    return {folder: files for folder, files in found.items() if files}


def read(data: Path, collection: str, name: str) -> Series:
    """One file of a collection."""
    path = data / collection / name
    if collection == "nab":
        return _nab(path)
    return _ucr(path) if collection == "ucr" else _skab(path)


def rows(data: Path, collection: str, name: str) -> int:
    """About how many rows a file has, to begin with the longest."""
    return (data / collection / name).read_bytes().count(b"\n")


def _names(folder: Path) -> list[str]:
    if folder.name == "nab":
        windows = folder / "windows.json"
        files = json.loads(windows.read_text()) if windows.exists() else {}
        return sorted(name for name in files if name != DEMO)
    return sorted(path.name for path in folder.glob("*.csv"))


def _nab(path: Path) -> Series:
    table = pd.read_csv(path)
    windows = json.loads(path.with_name("windows.json").read_text())[path.name]
    row_of: dict[str, int] = {}
    for row, label in enumerate(table["timestamp"]):
        row_of.setdefault(str(label), row)
    spans = tuple((row_of[left[:19]], row_of[right[:19]]) for left, right in windows)
    points, place = _points(_nanoseconds(table["timestamp"]), table[["value"]].to_numpy(float))
    return Series(points, place, spans, np.empty(0, np.int64))


def _ucr(path: Path) -> Series:
    table = pd.read_csv(path)
    times = np.arange(len(table)) * SECOND_NS
    points, place = _points(times, table[["value"]].to_numpy(float))
    return Series(points, place, (), table["label"].to_numpy(np.int64))


def _skab(path: Path) -> Series:
    table = pd.read_csv(path, sep=";")
    values = table.drop(columns=["datetime", "anomaly", "changepoint"]).to_numpy(float)
    points, place = _points(_nanoseconds(table["datetime"]), values)
    return Series(points, place, (), table["anomaly"].to_numpy(np.int64))


def _points(
    times: npt.NDArray[np.int64], values: npt.NDArray[np.float64]
) -> tuple[Points, npt.NDArray[np.int64]]:
    """Rows in any order; of those with the same time the first counts, as in `tocsin detect`."""
    unique, first, place = np.unique(times, return_index=True, return_inverse=True)
    return Points.checked(unique, values[first]), place


def _nanoseconds(column: pd.Series[str]) -> npt.NDArray[np.int64]:
    return pd.to_datetime(column).to_numpy("datetime64[ns]").astype(np.int64)
