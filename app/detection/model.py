"""What training leaves behind: immutable, plain arrays, with a layout of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from app.detection import joint, layout
from app.detection.arithmetic import Flags, Floats, Ints
from app.detection.band import Band
from app.detection.calibration import EVIDENCE_MAX, KNOTS, Calibration
from app.detection.candidates import SEASONAL
from app.detection.discord import CHANNELS as SHAPES
from app.detection.discord import NEEDED_POINTS, Measure
from app.detection.evidence import by_chance, counted
from app.detection.features import CHANNELS, FEATURES, VIEWS, Yardstick, needed_points
from app.detection.forest import ARRAYS, Forest
from app.detection.grove import Grove
from app.detection.joint import Joint
from app.detection.lookup import REACH_POINTS
from app.detection.novelty import evidence_from
from app.detection.points import FIELDS_MAX, Points
from app.detection.predictor import Predictor
from app.detection.scale import Scale
from app.detection.settings import DURATION_MAX_NS, SEASONS_MAX, Settings
from app.detection.shape import Shape
from app.detection.verdict import discount
from app.detection.zone import Zone
from app.errors import Invalid


@dataclass(frozen=True, eq=False)
class Model:
    """A trained detector of one series. Made by `fit`, used by `advance`.

    threshold: score from which a point is anomalous. band: where normal points lie. typical: a row
    of features standing in for what is missing. grove: the forests, ready to be walked. joint: None
    for a single field. shape: None where history does not repeat itself. recent: the last points of
    the training, `lookback_points` at most. without: parts that shall not count, of PARTS, to
    measure what they are worth; not kept in bytes.
    """

    settings: Settings
    threshold: float
    trained_points: int
    trained_from_ns: int
    trained_to_ns: int
    zone: Zone
    yardstick: Yardstick
    band: Band
    typical: Floats
    grove: Grove
    joint: Joint | None
    shape: Shape | None
    calibration: Calibration
    recent: Points
    without: frozenset[str] = frozenset()

    @property
    def fields(self) -> int:
        """d, how many values a point has."""
        return len(self.scale.centre)

    @property
    def scale(self) -> Scale:
        """Centre and spread of each field."""
        return self.yardstick.scale

    @property
    def predictor(self) -> Predictor:
        """What the expected value comes from."""
        return self.yardstick.predictor

    @property
    def period_points(self) -> int:
        """Length of the shortest season in points; 0 for none."""
        return self.predictor.period_points

    @property
    def forests(self) -> tuple[Forest, ...]:
        """One for each view, as they were fitted."""
        columns = view_columns(self.fields)
        return tuple(Forest.taken(self.grove, i, own) for i, own in enumerate(columns))

    @cached_property
    def lookback_points(self) -> int:
        """How many points before a point its verdict may depend on."""
        return lookback_of(self.predictor, self.shape)

    @cached_property
    def discount(self) -> float:
        """Evidence that its alarms need beyond those of others, for how long it was trained."""
        return discount(self.trained_points)

    @cached_property
    def least_novelty(self) -> float:
        """The evidence of a value beyond all that were seen."""
        return evidence_from(self.trained_points)

    @cached_property
    def rules(self) -> tuple[Flags, float, float, float, float]:
        """By which evidence is combined: what counts, what the best of its fields brings by chance,
        the most of a channel, and of a joint one, and the trust in courses."""
        trust = self.shape.trust if self.shape and "shape" not in self.without else 0.0
        most = self.calibration.most
        return counted(self.without), by_chance(self.fields), min(most, EVIDENCE_MAX), most, trust

    @cached_property
    def measure(self) -> Measure | None:
        """By what the course is measured; None where history does not repeat itself."""
        interval_ns = self.predictor.interval_ns
        return Measure.of(self.scale, interval_ns, self.shape.wild) if self.shape else None

    @cached_property
    def tables(self) -> Calibration:
        """Of all channels: forests, those of each field, joint ones, those of the course."""
        return self.calibration.beside(self.shape.calibration if self.shape else None)

    def nothing_yet(self) -> Floats:
        """What is remembered where the training ended: nothing of each channel."""
        return self.tables.nothing_yet()

    def to_bytes(self) -> bytes:
        """The model as bytes: the same data and settings give the same bytes."""
        facts = {
            "settings": self.settings.to_json(),
            "threshold": self.threshold,
            "trained": [self.trained_points, self.trained_from_ns, self.trained_to_ns],
            "interval_ns": self.predictor.interval_ns,
            "seasons_ns": list(self.predictor.seasons_ns),
            "calibrated": self.calibration.points,
            "shape": self.shape.facts() if self.shape else None,
            "rows": self.grove.rows.tolist(),
        }
        return layout.pack(facts, dict(self._arrays()))

    def _arrays(self) -> list[tuple[str, npt.NDArray[Any]]]:
        named = [(f"scale.{f.name}", getattr(self.scale, f.name)) for f in fields(Scale)]
        by = self.yardstick
        named += [("zone.starts", self.zone.starts), ("zone.offsets", self.zone.offsets)]
        named += [("choice", by.predictor.choice), ("usual_choice", by.predictor.usual_choice)]
        named += [("residual_spread", by.residual_spread), ("offset_spread", by.offset_spread)]
        named += [(f"band.{f.name}", getattr(self.band, f.name)) for f in fields(Band)]
        named += [("typical", self.typical)]
        named += [("knots", self.calibration.knots), ("decade", self.calibration.decade)]
        named += [("recent.times", self.recent.times), ("recent.values", self.recent.values)]
        if self.joint is not None:
            named += [(f"joint.{f.name}", getattr(self.joint, f.name)) for f in fields(Joint)]
        if self.shape:
            own = self.shape.calibration
            named += [("shape.knots", own.knots), ("shape.decade", own.decade)]
        for view, forest in zip(VIEWS, self.forests, strict=True):
            named += [(f"{view}.{name}", array) for name, array in forest.arrays().items()]
        return named

    @classmethod
    def from_bytes(cls, packed: bytes) -> Model:
        """The model that `to_bytes` made these of.

        Raises `Invalid` for bytes that are damaged, cut, of another version, or not sound.
        """
        facts, arrays = layout.unpack(packed)
        try:
            return _rebuilt(facts, arrays)
        except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
            raise Invalid("The model's parts do not fit together") from error


def lookback_of(predictor: Predictor, shape: Shape | None = None) -> int:
    """How many points before a point a verdict may depend on."""
    return max(needed_points(predictor), NEEDED_POINTS if shape else 0)


def view_columns(fields: int) -> list[Ints]:
    """Which of the features, (d * len(FEATURES),), each view's forest looks at.

    All fields together, but the phase, which is the same for all, only once.
    """
    chosen = []
    for names in VIEWS.values():
        own = [FEATURES.index(name) for name in names if not name.startswith("phase")]
        columns = [field * len(FEATURES) + i for field in range(fields) for i in own]
        columns += [FEATURES.index(name) for name in names if name.startswith("phase")]
        chosen.append(np.array(columns, dtype=np.int64))
    return chosen


def _rebuilt(facts: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> Model:
    d = len(arrays["choice"])
    _require(1 <= d <= FIELDS_MAX)
    scale = Scale(**{f.name: _shaped(arrays[f"scale.{f.name}"], (d,)) for f in fields(Scale)})
    choices = _shaped(arrays["choice"], (d,)), _shaped(arrays["usual_choice"], (d,))
    predictor = _predictor(facts, *choices, scale)
    spreads = _shaped(arrays["residual_spread"], (d,)), _shaped(arrays["offset_spread"], (d,))
    together = _joint(arrays, d)
    channels = len(VIEWS) + len(CHANNELS) * d + (len(joint.CHANNELS) if together else 0)
    trained_points, trained_from_ns, trained_to_ns = (int(x) for x in facts["trained"])
    model = Model(
        settings=Settings.from_json(facts["settings"]),
        threshold=float(facts["threshold"]),
        trained_points=trained_points,
        trained_from_ns=trained_from_ns,
        trained_to_ns=trained_to_ns,
        zone=Zone(_shaped(arrays["zone.starts"], (-1,)), _shaped(arrays["zone.offsets"], (-1,))),
        yardstick=Yardstick(scale, *spreads, predictor),
        band=_band(arrays, d),
        typical=_shaped(arrays["typical"], (d * len(FEATURES),)),
        grove=_grove(facts, arrays, d),
        joint=together,
        shape=_shape(facts["shape"], arrays, d),
        calibration=Calibration(
            int(facts["calibrated"]),
            _shaped(arrays["knots"], (channels, KNOTS)),
            _shaped(arrays["decade"], (channels,)),
        ),
        recent=Points.checked(arrays["recent.times"], arrays["recent.values"]),
    )
    _require(model.recent.fields == d and len(model.recent) <= model.lookback_points)
    _require(model.zone.is_sound)
    _require(trained_points > 0 and model.calibration.points > 0 and bool(np.all(scale.spread > 0)))
    _require(all(bool(np.all(spread > 0)) for spread in spreads))
    _require(bool(np.all(model.calibration.decade > 0)))
    return model


def _predictor(facts: Mapping[str, Any], choice: Ints, usual: Ints, scale: Scale) -> Predictor:
    interval_ns = int(facts["interval_ns"])
    seasons_ns = tuple(int(s) for s in facts["seasons_ns"])
    _require(0 < interval_ns <= DURATION_MAX_NS and len(seasons_ns) <= SEASONS_MAX)
    _require(all(2 * interval_ns <= s <= REACH_POINTS * interval_ns for s in seasons_ns))
    _require(bool(np.all((choice >= 0) & (choice < SEASONAL + 2 * len(seasons_ns)))))
    _require(bool(np.all((usual >= 0) & (usual <= len(seasons_ns)))))
    return Predictor(interval_ns, seasons_ns, choice, usual, scale.lowest, scale.highest)


def _joint(arrays: Mapping[str, npt.NDArray[Any]], d: int) -> Joint | None:
    if "joint.roots" not in arrays:
        return None
    channels = len(joint.MEANS)
    shapes = {"centre": (channels, d), "spread": (channels, d), "roots": (channels * d, d)}
    own = {name: _shaped(arrays[f"joint.{name}"], shape) for name, shape in shapes.items()}
    _require(d > 1 and all(bool(np.all(np.isfinite(array))) for array in own.values()))
    _require(bool(np.all(own["spread"] > 0)))
    return Joint(**own)


def _band(arrays: Mapping[str, npt.NDArray[Any]], d: int) -> Band:
    places = _shaped(arrays["band.places"], (d, -1))
    _require(places.shape[1] >= 1)
    return Band(places, _shaped(arrays["band.factors"], (2, d)))


def _shape(
    facts: Mapping[str, Any] | None, arrays: Mapping[str, npt.NDArray[Any]], d: int
) -> Shape | None:
    if facts is None:
        return None
    trust, wild, points = float(facts["trust"]), int(facts["wild"]), int(facts["calibrated"])
    knots = _shaped(arrays["shape.knots"], (SHAPES, KNOTS))
    decade = _shaped(arrays["shape.decade"], (SHAPES,))
    _require(d == 1 and 0 < trust <= 1 and wild > 0 and points > 0 and bool(np.all(decade > 0)))
    return Shape(trust, wild, Calibration(points, knots, decade))


def _grove(facts: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]], d: int) -> Grove:
    columns, forests = view_columns(d), []
    for view, own, rows in zip(VIEWS, columns, facts["rows"], strict=True):
        trees = {part: _shaped(arrays[f"{view}.{part}"], (-1,)) for part in ARRAYS}
        forests.append(Forest.rebuilt(trees, int(rows), len(own)))
    return Grove.of(forests, columns)


def _shaped(array: npt.NDArray[Any], shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """The array, if it has this shape, in which -1 stands for any length."""
    if array.shape != shape:
        found = zip(shape, array.shape, strict=False)
        _require(array.ndim == len(shape) and all(w in (-1, h) for w, h in found))
    return array


def _require(is_sound: bool) -> None:
    if not is_sound:
        raise Invalid("The model's parts do not fit together")
