"""From history to a model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from app.detection import forest, season
from app.detection.arithmetic import Flags, Floats, Ints
from app.detection.calibration import Calibration
from app.detection.features import CHANNELS, RESIDUAL_POINTS, VIEWS, Observed, Yardstick
from app.detection.frame import VALUE_BOUND, Frame
from app.detection.model import Model, lookback_of
from app.detection.novelty import range_so_far
from app.detection.points import Points
from app.detection.predictor import Predictor, choose, undecided
from app.detection.scale import Scale, robust_spread
from app.detection.settings import Settings
from app.detection.verdict import Evidence, auto_threshold, score_of
from app.errors import Invalid

FOREST_POINTS = 64  # from here on a forest says more than the fallback
TRAINING_POINTS = 100_000
BAND_OUTSIDE = 0.0075  # share of normal points left outside, on both sides together
THRESHOLD_LEAST = 0.5  # a share of points all alike is not anomalous, whatever was asked for
SPREAD_LEAST = 1e-2  # of the field's spread: smaller errors matter to nobody, however rare

Progress = Callable[[float], None]


@dataclass(frozen=True, eq=False)
class Learned:
    """What training computes on the way: rows for each view, (n, k), and channels (kinds, d, n)."""

    views: list[Floats]
    channels: Floats

    def only(self, rows: Ints) -> Learned:
        """The same of these rows."""
        return Learned([view[rows] for view in self.views], self.channels[:, :, rows])


def fit(points: Points, settings: Settings, progress: Progress | None = None) -> Model:
    """Train on the last 100,000 points.

    Raises `Invalid` with `have` and `need` when fewer than 64 of the points have a value. The same
    points and settings give the same model, bit for bit. `progress` is called with shares up to 1.
    """
    tell = progress or (lambda _share: None)
    known = points[max(0, len(points) - TRAINING_POINTS) :]
    _refuse_few(known)
    scale = Scale.of(np.clip(known.values.T, -VALUE_BOUND, VALUE_BOUND))
    predictor, frame = _predictor(known, scale, settings)
    tell(0.1)
    residuals = _residuals(predictor, frame)
    taken = np.flatnonzero(~np.isnan(frame.judged).all(axis=0))
    spread = _residual_spread(residuals[:, :, taken], scale)
    learned = _observed(frame, residuals, Yardstick.of(scale, spread, predictor)).only(taken)
    tell(0.2)
    typical = tuple(_typical(view) for view in learned.views)
    rows = [np.where(np.isnan(v), t, v) for v, t in zip(learned.views, typical, strict=True)]
    forests, strangeness = _forests(rows, settings, tell)
    channels = learned.channels.reshape(-1, len(taken))
    table = np.concatenate([strangeness, channels])
    calibration = Calibration.of(table)
    first = predictor.settled(len(known))
    values = frame.judged[:, taken]
    tell(1.0)
    return Model(
        settings=settings,
        threshold=_threshold(settings, calibration, table, values, taken >= first),
        trained_points=len(known),
        trained_from_ns=int(known.times[0]),
        trained_to_ns=int(known.times[-1]),
        scale=scale,
        predictor=predictor,
        residual_spread=spread,
        band=_band(residuals[0][:, first:]),
        typical=typical,
        forests=forests,
        calibration=calibration,
        recent=known[max(0, len(known) - lookback_of(predictor)) :],
    )


def framed(past: Points, points: Points, scale: Scale, lookback: int) -> Frame:
    """The points with their past, without the fields that training had too few values of."""
    frame = Frame.of(past, points, lookback)
    frame.values[~scale.is_known] = np.nan
    return frame


def observed(frame: Frame, residuals: Floats, by: Yardstick) -> Learned:
    """Rows for the forests and channels of a frame; residuals as `Observed` takes them."""
    seen = Observed(frame, residuals, by)
    return Learned(seen.views(), seen.channels())


def _refuse_few(points: Points) -> None:
    have = int(np.count_nonzero(~np.isnan(points.values).all(axis=1)))
    if have < FOREST_POINTS:
        raise Invalid(
            f"{have} points with a value are too few to train on; {FOREST_POINTS} are needed",
            have=have,
            need=FOREST_POINTS,
        )


def _predictor(points: Points, scale: Scale, settings: Settings) -> tuple[Predictor, Frame]:
    interval_ns = season.sampling_interval_ns(points, settings)
    seasons_ns = season.lengths_ns(points, settings, interval_ns)
    draft = undecided(scale, interval_ns, seasons_ns)
    frame = framed(Points.empty(points.fields), points, scale, lookback_of(draft))
    return choose(draft, frame, scale.spread), frame


def _residuals(predictor: Predictor, frame: Frame) -> Floats:
    """Value less expected, and less usual, of every training point: (2, d, n)."""
    parts = [b.judged - predictor.predicted(b, b.lookback) for _, b in frame.blocks()]
    return np.concatenate(parts, axis=-1)


def _residual_spread(residuals: Floats, scale: Scale) -> Floats:
    spreads = np.array([[robust_spread(row[~np.isnan(row)]) for row in kind] for kind in residuals])
    return np.asarray(np.maximum(spreads, SPREAD_LEAST * scale.spread))


def _observed(frame: Frame, residuals: Floats, by: Yardstick) -> Learned:
    before = RESIDUAL_POINTS - 1
    absent = np.full((*residuals.shape[:2], before), np.nan)
    padded = np.concatenate([absent, residuals], axis=-1)
    parts = [
        observed(block, padded[:, :, span.start : span.stop + before], by)
        for span, block in frame.blocks()
    ]
    views = [np.concatenate([part.views[i] for part in parts]) for i in range(len(VIEWS))]
    return Learned(views, np.concatenate([part.channels for part in parts], axis=-1))


def _typical(rows: Floats) -> Floats:
    """The median of each feature, 0 for one that was never there, (k,)."""
    is_there = ~np.isnan(rows).all(axis=0)
    typical = np.zeros(rows.shape[1])
    typical[is_there] = np.nanmedian(rows[:, is_there], axis=0)
    return typical


def _forests(
    rows: list[Floats], settings: Settings, tell: Progress
) -> tuple[tuple[forest.Forest, ...], Floats]:
    """A forest for each view, and the strangeness of the rows to forests that did not see them."""
    forests, strangeness = [], []
    for i, view in enumerate(rows):
        forests.append(forest.fit(view, settings))
        strangeness.append(forest.held_out(view, settings))
        tell(0.2 + 0.75 * (i + 1) / len(rows))
    return tuple(forests), np.stack(strangeness)


def _threshold(
    settings: Settings,
    calibration: Calibration,
    strangeness: Floats,
    values: Floats,
    is_settled: Flags,
) -> float:
    """As calibrated, or the held-out score that the asked share of settled points reaches."""
    if settings.contamination == "auto":
        return auto_threshold()
    d, n = values.shape
    evidence = calibration.evidence(strangeness)
    novelty = range_so_far(values).evidence(values, n)
    kinds = np.concatenate([evidence[len(VIEWS) :].reshape(len(CHANNELS), d, n), novelty[None]])
    scores = score_of(Evidence(evidence[: len(VIEWS)], kinds).total())
    settled = scores[is_settled] if is_settled.any() else scores
    return max(
        THRESHOLD_LEAST, float(np.quantile(settled, 1.0 - settings.contamination, method="higher"))
    )


def _band(residuals: Floats) -> Floats:
    """What to add to the expected value for lower and upper, (2, d): quantiles of past errors.

    The errors are out of sample, for the expected value only knows the past. The rank counts the
    point to come among the others, as conformal prediction does.
    """
    return np.array([_offsets(row[~np.isnan(row)]) for row in residuals]).reshape(-1, 2).T.copy()


def _offsets(errors: Floats) -> tuple[float, float]:
    if not len(errors):
        return np.nan, np.nan
    ordered = np.sort(errors)
    outside = int(len(errors) * BAND_OUTSIDE / 2)
    return min(0.0, float(ordered[outside])), max(0.0, float(ordered[-1 - outside]))
