"""The detectors that are compared, a row of the table each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import IsolationForest

from app.detection import PARTS, Points, Settings, State, Verdicts, Watch, advance, watch
from app.detection.replay import model_before, spans
from benchmarks.provenance import ROOT, fingerprint

Floats = npt.NDArray[np.float64]

WARMUP = 0.15
WARMUP_POINTS_MOST = 750
ARTICLE = "the article: forest on the raw value"
OURS = "ours"
SCORE_AS_ALARM = "ours, score as the alarm"
HERE = Path(__file__).parent
COMMON = (HERE / "detectors.py", HERE / "data.py", ROOT / "requirements.lock")


@dataclass(frozen=True, eq=False)
class Judged:
    """A detector's answer for each of n points.

    score: for ranking. alarm: for waking somebody. inside: share of the fields whose value lies in
    the band from lower to upper, NaN where there is none.
    """

    score: Floats
    alarm: Floats
    inside: Floats


@dataclass(frozen=True)
class Detector:
    """A row of the table. replayed: what its answers are read from, the same for rows that share a
    replay. is_ours: the product and not the reference.
    """

    name: str
    without: frozenset[str] = frozenset()
    is_ours: bool = True
    is_score_the_alarm: bool = False

    @property
    def replayed(self) -> str:
        return "-".join(["ours", *sorted(self.without)]) if self.is_ours else "article"

    def fingerprint(self) -> str:
        """Of all that its answers depend on, the data aside."""
        product = (ROOT / "app/detection",) if self.is_ours else ()
        return fingerprint([*COMMON, *product])


def detectors(is_short: bool = False) -> list[Detector]:
    """All rows that are run, or the two that matter most."""
    main = [Detector(ARTICLE, is_ours=False), Detector(OURS)]
    if is_short:
        return main
    alarm = Detector(SCORE_AS_ALARM, is_score_the_alarm=True)
    return [*main, alarm, *(Detector(f"ours without {p}", frozenset({p})) for p in PARTS)]


def judged(detectors: Sequence[Detector], points: Points, seed: int) -> list[Judged]:
    """What each detector answers, every point judged by what came before it."""
    if not all(detector.is_ours for detector in detectors):
        return [article(points, seed) for _ in detectors]
    return ours(points, seed, [detector.without for detector in detectors])


def ours(points: Points, seed: int, without: Sequence[frozenset[str]]) -> list[Judged]:
    """The product's streaming path, as `tocsin detect --warmup 0.15` goes it, without these parts.

    All from the same models: what is left out is left out of their verdicts.
    """
    settings = Settings(random_state=seed)
    parts: list[list[Verdicts]] = [[] for _ in without]
    for begin, end in spans(points, WARMUP):
        model = model_before(points[:begin], settings) if begin else None
        state = State.after(model, points[:begin])
        for left_out, answers in zip(without, parts, strict=True):
            asked = model and replace(model, without=left_out)
            answers.append(advance(asked, state, points[begin:end])[0])
    return [_answer(points, Verdicts.joined(answers)) for answers in parts]


def _answer(points: Points, verdicts: Verdicts) -> Judged:
    alarms, _ = watch(Watch(), verdicts.strength, verdicts.is_anomaly)
    return Judged(verdicts.score, alarms.alarm, _inside(points.values, verdicts))


def _inside(values: Floats, verdicts: Verdicts) -> Floats:
    lower, upper = verdicts.lower, verdicts.upper
    has_band = ~np.isnan(values) & ~np.isnan(lower)
    number = np.count_nonzero(has_band, axis=1)
    within = np.count_nonzero(has_band & (values >= lower) & (values <= upper), axis=1)
    shares = np.full(len(values), np.nan)
    np.divide(within, number, out=shares, where=number > 0)
    return shares


def article(points: Points, seed: int) -> Judged:
    """A forest on the raw values, fitted once on the beginning; missing values count as 0."""
    values = np.nan_to_num(points.values)
    history = values[: min(int(WARMUP * len(values)), WARMUP_POINTS_MOST)]
    forest = IsolationForest(n_estimators=100, contamination=0.05, random_state=seed).fit(history)
    score = -forest.score_samples(values)
    return Judged(score, score, np.full(len(score), np.nan))
