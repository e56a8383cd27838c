"""From the answers on each file to the figures of a row, with their spread over the seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.quality import data as files
from benchmarks.quality.detectors import Detector
from benchmarks.quality.halves import scores_over_halves
from benchmarks.quality.nab import PROFILES, Gains, Window, judged, probation_rows
from benchmarks.quality.ranking import is_ready
from benchmarks.quality.runs import Desk, Run

RANKED = ("vus_pr", "auc_pr")
HALVED_FILES_LEAST = 20  # halves of fewer say nothing


@dataclass(frozen=True)
class Row:
    """A detector's figures. by_seed: a value for each seed; series: mean over the seeds of what
    each series has in a collection of labelled points.
    """

    name: str
    by_seed: Mapping[str, list[float]]
    series: Mapping[str, Mapping[str, float]]

    def mean(self, figure: str) -> float:
        return float(np.mean(self.by_seed[figure]))

    def spread(self, figure: str) -> float | None:
        """Standard deviation over the seeds, None of one seed."""
        values = self.by_seed[figure]
        return float(np.std(values, ddof=1)) if len(values) > 1 else None


def row(desk: Desk, detector: Detector, seeds: list[int], names: Mapping[str, list[str]]) -> Row:
    """The figures of a detector, from runs that are done."""
    by_seed: dict[str, list[float]] = {}
    series: dict[str, dict[str, float]] = {}
    if "nab" in names:
        for seed in seeds:
            found = nab_figures(desk, detector, seed, names["nab"])
            found |= band_figures(desk, detector, seed, names["nab"])
            for figure, value in found.items():
                by_seed.setdefault(figure, []).append(value)
    if is_ready() and not detector.is_score_the_alarm:  # it differs from its twin in alarms only
        for collection in (c for c in ("ucr", "skab") if c in names):
            ranks = _ranks(desk, detector, seeds, collection, names[collection])
            for figure in RANKED:
                over_files = np.mean([values[figure] for values in ranks.values()], axis=0)
                by_seed[f"{collection}_{figure}"] = over_files.tolist()
            series[collection] = {n: float(np.mean(v["vus_pr"])) for n, v in ranks.items()}
    return Row(detector.name, by_seed, series)


def nab_figures(desk: Desk, detector: Detector, seed: int, names: list[str]) -> dict[str, float]:
    """NAB's scores under each profile, and over halves under the standard one."""
    found: dict[str, float] = {}
    for profile_name, profile in PROFILES.items():
        by_name: dict[str, Gains] = {}
        for name in names:
            answer = desk.judged(Run(detector, seed, "nab", name))
            alarm = answer.score if detector.is_score_the_alarm else answer.alarm
            windows = files.read(desk.data, "nab", name).windows
            by_name[name] = judged(alarm, windows, profile)
        together = Gains.joined(list(by_name.values()))
        found[f"nab_{profile_name}"] = together.score_at(together.best_threshold())
        if profile_name == "standard" and len(names) >= HALVED_FILES_LEAST:
            over_halves = scores_over_halves(by_name)
            found["nab_halves"] = float(np.mean(over_halves))
            found["nab_halves_sd"] = float(np.std(over_halves, ddof=1))
    return found


def band_figures(desk: Desk, detector: Detector, seed: int, names: list[str]) -> dict[str, float]:
    """Share of normal points inside the band, mean over the files and of the worst; {} for none."""
    shares = []
    for name in names:
        inside = desk.judged(Run(detector, seed, "nab", name)).inside
        is_normal = outside(len(inside), files.read(desk.data, "nab", name).windows)
        counted = inside[is_normal & ~np.isnan(inside)]
        if len(counted):
            shares.append(100.0 * float(np.mean(counted)))
    return {"band": float(np.mean(shares)), "band_worst": min(shares)} if shares else {}


def outside(n: int, windows: Sequence[Window]) -> npt.NDArray[np.bool_]:
    """Which of n rows count and lie in no labelled window, (n,)."""
    is_outside = np.arange(n) >= probation_rows(n)
    for left, right in windows:
        is_outside[left : right + 1] = False
    return is_outside


def _ranks(
    desk: Desk, detector: Detector, seeds: list[int], collection: str, names: list[str]
) -> dict[str, dict[str, list[float]]]:
    """By file and figure, a value for each seed."""
    found: dict[str, dict[str, list[float]]] = {}
    for name in names:
        by_seed = [desk.ranked(Run(detector, seed, collection, name)) for seed in seeds]
        found[name] = {figure: [one[figure] for one in by_seed] for figure in RANKED}
    return found
