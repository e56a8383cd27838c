"""From history to a model.

Scale, season and predictor first; then, from the end of the first season on, features, plain
channels and a forest for each view; what fields are together; whether history repeats itself.
Calibration needs strangeness out of sample: a forest finds the rows it grew on too usual, so of
three contiguous folds each is judged by forests of the other two (cross-validation; Stone 1974).
The plain channels only know the past anyway.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from app.detection import forest, joint, season, shape
from app.detection.arithmetic import Floats, Ints
from app.detection.band import Band, place_of, places_for
from app.detection.calibration import Calibration
from app.detection.evidence import Course, Evidence
from app.detection.features import CHANNELS, VIEWS, Seen, Spans, Yardstick, seen
from app.detection.frame import VALUE_BOUND, Frame
from app.detection.grove import Grove
from app.detection.model import Model, lookback_of, view_columns
from app.detection.novelty import range_so_far
from app.detection.points import Points
from app.detection.predictor import Predictor, choose, undecided
from app.detection.scale import Scale, robust_spread
from app.detection.settings import Settings
from app.detection.verdict import auto_threshold, score_of
from app.detection.zone import Zone
from app.errors import Invalid

FOREST_POINTS = 64  # from here on a forest says more than the fallback
TRAINING_POINTS = 100_000
THRESHOLD_LEAST = 0.5  # a share of points all alike is not anomalous, whatever was asked for
SPREAD_LEAST = 1e-2  # of the field's spread: smaller errors matter to nobody, however rare

Progress = Callable[[float], None]


def fit(
    points: Points,
    settings: Settings,
    progress: Progress | None = None,
) -> Model:
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
    first = predictor.settled(len(known))
    by, learned = _learned(frame, predictor, scale, first)
    taken = _taken(frame, first)
    together = _together(frame, by, learned)
    rows = learned.features[taken]
    typical = _typical(rows)
    tell(0.2)
    rows = np.where(np.isnan(rows), typical, rows)
    forests, strangeness = _forests(rows, points.fields, settings, tell)
    channels = learned.channels[:, :, taken].reshape(-1, len(taken))
    table = np.concatenate([strangeness, channels])
    calibration = Calibration.of(table)
    if together:
        calibration = Calibration.joined(calibration, together.calibration)
        table = np.concatenate([table, together.strangeness[:, taken]])
    course = shape.learned(frame, scale, predictor.interval_ns)
    tell(1.0)
    return Model(
        settings=settings,
        threshold=_threshold(
            settings, calibration, table, frame.judged[:, taken], _course_of(course, taken, frame)
        ),
        trained_points=len(known),
        trained_from_ns=int(known.times[0]),
        trained_to_ns=int(known.times[-1]),
        zone=Zone.named(settings.timezone),
        yardstick=by,
        band=_band(frame, by, learned, first),
        typical=typical,
        grove=Grove.of(forests, view_columns(points.fields)),
        joint=together.joint if together else None,
        shape=course.shape if course else None,
        calibration=calibration,
        recent=known[
            max(0, len(known) - lookback_of(predictor, course.shape if course else None)) :
        ],
    )


def framed(points: Points, first: int, scale: Scale, lookback: int, zone: Zone) -> Frame:
    """The points from `first` on with their past, without the fields that training had too few
    values of."""
    frame = Frame.of(points, first, lookback, zone)
    if not scale.is_known.all():
        frame.values[~scale.is_known] = np.nan
    return frame


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
    zone = Zone.named(settings.timezone)
    frame = framed(points, 0, scale, lookback_of(draft), zone)
    return choose(draft, frame, scale.spread), frame


def _taken(frame: Frame, first: int) -> Ints:
    """The rows to learn from: with a value, from `first` on, or all where these are too few.

    Before a season has passed nothing is known of what is usual, and all looks strange.
    """
    taken = np.flatnonzero(~np.isnan(frame.judged).all(axis=0))
    settled = taken[taken >= first]
    return settled if len(settled) >= FOREST_POINTS // 2 else taken


def _learned(
    frame: Frame, predictor: Predictor, scale: Scale, first: int
) -> tuple[Yardstick, Seen]:
    """The spreads of what the predictors leave, and all that the features say of the training."""
    before = Spans.of(predictor.period_points).of_residuals
    known = predictor.guesses(frame, frame.lookback - before)
    rest = (frame.judged - known[:, :, before:])[:, :, first:]
    by = Yardstick(scale, _spread(rest[0], scale), _spread(rest[1], scale), predictor)
    return by, seen(frame, by, known)


def _spread(rest: Floats, scale: Scale) -> Floats:
    spreads = np.array([robust_spread(row[~np.isnan(row)]) for row in rest])
    return np.asarray(np.maximum(spreads, SPREAD_LEAST * scale.spread))


def _band(frame: Frame, by: Yardstick, learned: Seen, first: int) -> Band:
    """What the errors of the expected value say, from the row `first` on."""
    places = places_for(len(frame) - first, by.predictor.period_points)
    return Band.of(
        frame.judged[:, first:] - learned.expected[:, first:],
        learned.recent[:, first:],
        by.residual_spread,
        place_of(frame, by.predictor.season_ns, places)[first:],
        places,
    )


def _typical(rows: Floats) -> Floats:
    """The median of each feature, 0 for one that was never there, (k,)."""
    is_there = ~np.isnan(rows).all(axis=0)
    typical = np.zeros(rows.shape[1])
    typical[is_there] = np.nanmedian(rows[:, is_there], axis=0)
    return typical


def _forests(
    rows: Floats, fields: int, settings: Settings, tell: Progress
) -> tuple[tuple[forest.Forest, ...], Floats]:
    """A forest for each view, and the strangeness of the rows to forests that did not see them."""
    forests, strangeness = [], []
    for i, columns in enumerate(view_columns(fields)):
        view = np.ascontiguousarray(rows[:, columns])
        forests.append(forest.fit(view, settings))
        strangeness.append(forest.held_out(view, settings, forests[-1]))
        tell(0.2 + 0.75 * (i + 1) / len(VIEWS))
    return tuple(forests), np.stack(strangeness)


def _together(frame: Frame, by: Yardstick, seen_in_fields: Seen) -> joint.Learned | None:
    """What the fields are together; None for a single one."""
    if len(frame.values) == 1:
        return None
    found = joint.learned(joint.means_of(frame, by), by.spans)
    if found:
        joint.take_over(seen_in_fields.channels, by.predictor)
    return found


def _threshold(
    settings: Settings,
    calibration: Calibration,
    strangeness: Floats,
    values: Floats,
    course: Course | None,
) -> float:
    """As calibrated, or the held-out score that the asked share of points reaches."""
    if settings.contamination == "auto":
        return auto_threshold()
    d, n = values.shape
    evidence, _ = calibration.evidence(strangeness, calibration.nothing_yet())
    novelty = range_so_far(values).evidence(values, n)
    found = Evidence(
        evidence,
        len(strangeness) - len(VIEWS) - len(CHANNELS) * d,
        novelty,
        course,
        calibration.most,
    )
    scores = score_of(found.for_score())
    known = scores[~np.isnan(scores)]
    return max(
        THRESHOLD_LEAST, float(np.quantile(known, 1.0 - settings.contamination, method="higher"))
    )


def _course_of(course: shape.Learned | None, taken: Ints, frame: Frame) -> Course | None:
    """Evidence of the course for the rows taken, NaN where it was not learned: in the first half
    of the training there was less to look through than there will be."""
    if course is None:
        return None
    own = course.shape
    evidence, _ = own.calibration.evidence(course.strangeness, own.calibration.nothing_yet())
    found = shape.course_of(evidence, own)
    known = np.full((2, len(frame)), np.nan)
    known[:, len(frame) - found.evidence.shape[1] :] = found.evidence
    known[:, : len(frame) // 2] = np.nan
    return Course(known[:, taken], own.trust)
