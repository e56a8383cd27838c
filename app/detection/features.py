"""What the forests and the plain channels look at, all of it causal and free of units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.detection import season
from app.detection.arithmetic import (
    Floats,
    asinh,
    log,
    mean,
    mean_and_deviation,
    median,
    median_and_deviation,
    ratio,
    windows,
    without_spikes,
)
from app.detection.frame import Frame
from app.detection.predictor import Predictor
from app.detection.scale import Scale

LEVEL_POINTS = (6, 24, 96)  # trailing windows, the point itself included
LOCAL_POINTS = (12, 48, 192)  # windows of what came before the point
RESIDUAL_POINTS = 96  # over these residuals the typical error is taken
HISTORY_POINTS = max(LEVEL_POINTS[-1], LOCAL_POINTS[-1] + 1)

VIEWS = ("level", "local", "season", "context")
CHANNELS = ("residual", "step", "spread", "drift")
DRIFT_LEAST_POINTS = 24


@dataclass(frozen=True, eq=False)
class Yardstick:
    """What features are measured by, fixed in training.

    scale and residual_spread, (2, d) for expected and usual value, are in the field's unit;
    season_ns: the shortest season, 0 for none; drift_points: over so many points a value has to
    differ from the usual to count as drifted: a season where that is possible.
    """

    scale: Scale
    residual_spread: Floats
    season_ns: int
    drift_points: int

    @classmethod
    def of(cls, scale: Scale, residual_spread: Floats, predictor: Predictor) -> Yardstick:
        """The yardstick that goes with a predictor."""
        season_ns = predictor.seasons_ns[0] if predictor.seasons_ns else 0
        period = round(season_ns / predictor.interval_ns)
        drift_points = min(max(DRIFT_LEAST_POINTS, period), RESIDUAL_POINTS)
        return cls(scale, residual_spread, season_ns, drift_points)


class Observed:
    """Windows over one frame, computed once and shared by views and channels. Arrays are (d, n)."""

    def __init__(self, frame: Frame, residuals: Floats, by: Yardstick) -> None:
        """`residuals`: (2, d, RESIDUAL_POINTS - 1 + n), value less expected, less usual value."""
        self.frame, self.first, self._season_ns = frame, frame.lookback, by.season_ns
        spread = by.scale.spread[:, None]
        centred = frame.values - by.scale.centre[:, None]
        self._all = ratio(centred, spread)
        self.value = self._all[:, self.first :]
        self.step = ratio(_smaller_step(frame), spread)
        self._errors, offsets = ratio(residuals, by.residual_spread[..., None])
        self.residual = self._errors[:, RESIDUAL_POINTS - 1 :]
        self.offset = offsets[:, RESIDUAL_POINTS - 1 :]
        self.drift = median(windows(offsets, by.drift_points, RESIDUAL_POINTS - 1))
        self.mean_6, self.deviation_6 = self._trailing(LEVEL_POINTS[0])

    def views(self) -> list[Floats]:
        """Rows for the forests, in the order of VIEWS: (n, k) each, float64; NaN is missing."""
        return [_rows(v) for v in (self._level(), self._local(), self._season(), self._context())]

    def channels(self) -> Floats:
        """Strangeness by one measure each, in the order of CHANNELS: (4, d, n), 0 or more."""
        is_there = np.where(np.isnan(self.value), np.nan, 0.0)
        strange = [self.residual, self.step, self.deviation_6 + is_there, self.drift + is_there]
        return np.asarray(np.abs(np.stack(strange)))

    def _level(self) -> list[Floats]:
        features = [asinh(self.value), asinh(self.step)]
        pairs = [(self.mean_6, self.deviation_6), *map(self._trailing, LEVEL_POINTS[1:])]
        for centre, deviation in pairs:
            features += [asinh(centre), log(deviation + 1e-3)]
        return features

    def _local(self) -> list[Floats]:
        features = [asinh(self.value), asinh(self.step)]
        for length in LOCAL_POINTS:
            centre, deviation = median_and_deviation(
                windows(self._all[:, :-1], length, self.first - 1)
            )
            features.append(asinh(ratio(self.value - centre, deviation + 0.1)))
        return features

    def _season(self) -> list[Floats]:
        last = RESIDUAL_POINTS - 1
        short, deviation = mean_and_deviation(_after_calm(self._errors, 6, last))
        typical = mean(np.minimum(np.abs(windows(self._errors, RESIDUAL_POINTS, last)), 5.0))
        return [
            asinh(self.residual),
            asinh(short),
            asinh(self.drift),
            asinh(ratio(self.residual, typical + 0.05)),
            log(deviation + 1e-2),
        ]

    def _context(self) -> list[Floats]:
        features = [asinh(self.value), asinh(self.offset)]
        if self._season_ns:
            waves = season.phase(self.frame.times[self.first :], self._season_ns)
            return [*features, waves[:1], waves[1:]]
        return [*features, asinh(self._trailing(LEVEL_POINTS[1])[0])]

    def _trailing(self, length: int) -> tuple[Floats, Floats]:
        return mean_and_deviation(_after_calm(self._all, length, self.first))


def _after_calm(x: Floats, length: int, first: int) -> Floats:
    """Windows that end with each entry as it is, after a past without its lone spikes.

    So a spike shows in its own windows, and does not make the points after it look strange.
    """
    view = windows(without_spikes(x), length, first).copy()
    view[..., -1] = x[..., first:]
    return view


def _smaller_step(frame: Frame) -> Floats:
    """The change from the last value or the one before it, (d, n): back from a spike is no step."""
    last = frame.judged - frame.values[:, frame.lookback - 1 : -1]
    before = frame.judged - frame.values[:, frame.lookback - 2 : -2]
    is_back = np.abs(before) < np.abs(last)  # false where one is missing
    return np.where(is_back | np.isnan(last), before, last)


def _rows(features: list[Floats]) -> Floats:
    return np.ascontiguousarray(np.concatenate(features, axis=0).T)
