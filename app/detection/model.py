"""What training leaves behind: immutable, plain arrays, with a layout of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from app.detection import layout
from app.detection.arithmetic import Floats, Ints
from app.detection.calibration import KNOTS, Calibration
from app.detection.features import CHANNELS, HISTORY_POINTS, RESIDUAL_POINTS, VIEWS, Yardstick
from app.detection.forest import ARRAYS, Forest
from app.detection.points import FIELDS_MAX, Points
from app.detection.predictor import SEASONAL, Predictor
from app.detection.scale import Scale
from app.detection.season import REACH_POINTS
from app.detection.settings import DURATION_MAX_NS, SEASONS_MAX, Settings
from app.errors import Invalid


@dataclass(frozen=True, eq=False)
class Model:
    """A trained detector of one series. Made by `fit`, used by `advance`.

    threshold: score from which a point is anomalous. residual_spread: (2, d) spread of the errors
    of the expected and of the usual value; band: (2, d) what is added to the expected value for
    lower and upper; both in the unit of the field. typical: a row (k,) for each view, standing in
    for what is missing. recent: the last points of the training, `lookback_points` at most.
    """

    settings: Settings
    threshold: float
    trained_points: int
    trained_from_ns: int
    trained_to_ns: int
    scale: Scale
    predictor: Predictor
    residual_spread: Floats
    band: Floats
    typical: tuple[Floats, ...]
    forests: tuple[Forest, ...]
    calibration: Calibration
    recent: Points

    @property
    def fields(self) -> int:
        """d, how many values a point has."""
        return len(self.scale.centre)

    @property
    def yardstick(self) -> Yardstick:
        """What features are measured by."""
        return Yardstick.of(self.scale, self.residual_spread, self.predictor)

    @property
    def season_ns(self) -> int:
        """Length of the shortest season in nanoseconds; 0 for none."""
        return self.predictor.seasons_ns[0] if self.predictor.seasons_ns else 0

    @property
    def period_points(self) -> int:
        """Length of the shortest season in points; 0 for none."""
        return round(self.season_ns / self.predictor.interval_ns)

    @property
    def lookback_points(self) -> int:
        """How many points before a point its verdict may depend on."""
        return lookback_of(self.predictor)

    def to_bytes(self) -> bytes:
        """The model as bytes: the same data and settings give the same bytes."""
        facts = {
            "settings": self.settings.to_json(),
            "threshold": self.threshold,
            "trained": [self.trained_points, self.trained_from_ns, self.trained_to_ns],
            "interval_ns": self.predictor.interval_ns,
            "seasons_ns": list(self.predictor.seasons_ns),
            "rows": [forest.rows for forest in self.forests],
        }
        return layout.pack(facts, dict(self._arrays()))

    def _arrays(self) -> list[tuple[str, npt.NDArray[Any]]]:
        named = [(f"scale.{f.name}", getattr(self.scale, f.name)) for f in fields(Scale)]
        named += [("choice", self.predictor.choice), ("residual_spread", self.residual_spread)]
        named += [("band", self.band), ("knots", self.calibration.knots)]
        named += [("decade", self.calibration.decade)]
        named += [("recent.times", self.recent.times), ("recent.values", self.recent.values)]
        for view, typical, forest in zip(VIEWS, self.typical, self.forests, strict=True):
            named.append((f"{view}.typical", typical))
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


def lookback_of(predictor: Predictor) -> int:
    """How many points before a point a verdict by this predictor may depend on."""
    return max(HISTORY_POINTS, predictor.reach) + RESIDUAL_POINTS - 1


def _rebuilt(facts: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> Model:
    d = len(arrays["choice"])
    _require(1 <= d <= FIELDS_MAX)
    scale = Scale(**{f.name: _shaped(arrays[f"scale.{f.name}"], (d,)) for f in fields(Scale)})
    predictor = _predictor(facts, _shaped(arrays["choice"], (d,)), scale)
    typical = tuple(arrays[f"{view}.typical"] for view in VIEWS)
    channels = len(VIEWS) + len(CHANNELS) * d
    trained_points, trained_from_ns, trained_to_ns = (int(x) for x in facts["trained"])
    model = Model(
        settings=Settings.from_json(facts["settings"]),
        threshold=float(facts["threshold"]),
        trained_points=trained_points,
        trained_from_ns=trained_from_ns,
        trained_to_ns=trained_to_ns,
        scale=scale,
        predictor=predictor,
        residual_spread=_shaped(arrays["residual_spread"], (2, d)),
        band=_shaped(arrays["band"], (2, d)),
        typical=typical,
        forests=tuple(_forest(facts, arrays, i, len(typical[i])) for i in range(len(VIEWS))),
        calibration=Calibration(
            _shaped(arrays["knots"], (channels, KNOTS)), _shaped(arrays["decade"], (channels,))
        ),
        recent=Points.checked(arrays["recent.times"], arrays["recent.values"]),
    )
    _require(model.recent.fields == d and len(model.recent) <= model.lookback_points)
    _require(bool(np.all(scale.spread > 0) and np.all(model.residual_spread > 0)))
    _require(bool(np.all(model.calibration.decade > 0)))
    return model


def _predictor(facts: Mapping[str, Any], choice: Ints, scale: Scale) -> Predictor:
    interval_ns = int(facts["interval_ns"])
    seasons_ns = tuple(int(s) for s in facts["seasons_ns"])
    _require(0 < interval_ns <= DURATION_MAX_NS and len(seasons_ns) <= SEASONS_MAX)
    _require(all(2 * interval_ns <= s <= REACH_POINTS * interval_ns for s in seasons_ns))
    _require(
        choice.ndim == 1 and bool(np.all((choice >= 0) & (choice < SEASONAL + 2 * len(seasons_ns))))
    )
    return Predictor(interval_ns, seasons_ns, choice, scale.lowest, scale.highest)


def _forest(
    facts: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]], view: int, width: int
) -> Forest:
    name = VIEWS[view]
    own = {part: _shaped(arrays[f"{name}.{part}"], (-1,)) for part in ARRAYS}
    return Forest.rebuilt(own, int(facts["rows"][view]), width)


def _shaped(array: npt.NDArray[Any], shape: tuple[int, ...]) -> npt.NDArray[Any]:
    fits = array.ndim == len(shape) and all(
        w in (-1, h) for w, h in zip(shape, array.shape, strict=True)
    )
    _require(fits)
    return array


def _require(is_sound: bool) -> None:
    if not is_sound:
        raise Invalid("The model's parts do not fit together")
