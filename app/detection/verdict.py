"""What is answered about each point.

    score = 1 - 10^-S,    strength = evidence of an alarm, less d;

with S of `evidence`. d is what little history cannot tell, and what comes up by chance in a long
one. Source: our own derivation, measured on NAB.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from app.detection.arithmetic import Flags, Floats, exp2
from app.detection.compiled import compiled
from app.detection.evidence import AUTO_EVIDENCE

LOG2_OF_10 = float(np.log2(10.0))
DOUBT_POINTS = 600  # with so little history, or less, a whole decade of evidence is taken off
LONG_POINTS, LONG_COST = 1000, 0.15
QUIET = "within the usual range"
OUTSIDE = "outside the expected band, but not out of the ordinary"
NO_VALUE = "no value"
PLAINLY = (NO_VALUE, QUIET, OUTSIDE)  # said of points that are not anomalous


@dataclass(eq=False, slots=True)
class Verdicts:
    """One verdict for each of n points of d fields; arrays are float64 unless said otherwise.

    score: (n,) in [0, 1], larger is more anomalous. strength: (n,) evidence for the event layer, 0
    or more. threshold: (n,), is_anomaly: (n,) bool,
    score >= threshold. expected, lower, upper: (n, d) in the unit of the series, NaN for none;
    about 99 % of normal points lie in lower..upper. contributions: (n, d), shares that sum to 1,
    or zeros. reasons: n sentences. model_based: (n,) bool, false where the fallback answered.
    """

    score: Floats
    strength: Floats
    is_anomaly: Flags
    threshold: Floats
    expected: Floats
    lower: Floats
    upper: Floats
    contributions: Floats
    reasons: tuple[str, ...]
    model_based: Flags

    def __len__(self) -> int:
        return len(self.score)

    def __getitem__(self, span: slice) -> Verdicts:
        return Verdicts(*(getattr(self, part.name)[span] for part in fields(self)))

    def only(self, chosen: Flags) -> Verdicts:
        """The verdicts where chosen, (n,) bool, is true."""
        arrays = {
            part.name: getattr(self, part.name)[chosen]
            for part in fields(self)
            if part.name != "reasons"
        }
        reasons = tuple(r for r, is_chosen in zip(self.reasons, chosen, strict=True) if is_chosen)
        return Verdicts(**arrays, reasons=reasons)

    @classmethod
    def joined(cls, parts: Sequence[Verdicts]) -> Verdicts:
        """The verdicts of all parts, one after the other; at least one part."""
        if len(parts) == 1:
            return parts[0]
        arrays = {
            part.name: np.concatenate([getattr(p, part.name) for p in parts])
            for part in fields(cls)
            if part.name != "reasons"
        }
        return cls(**arrays, reasons=tuple(r for p in parts for r in p.reasons))


def discount(trained_points: int) -> float:
    """Evidence to take off before somebody is woken: little history cannot tell how rare something
    is, and in a long one something rare comes up by chance (own derivation, by measuring)."""
    doubt = min(1.0, (DOUBT_POINTS / trained_points) ** 4)
    return doubt + LONG_COST * math.log10(max(trained_points / LONG_POINTS, 1.0))


def shares(weights: Floats) -> Floats:
    """Rows (n, d) of weights >= 0 brought to a sum of 1; zeros stay."""
    answer = np.empty(weights.shape)
    _shares(np.ascontiguousarray(weights), answer)
    return answer


@compiled
def _shares(weights: Floats, answer: Floats) -> None:
    for row in range(len(weights)):
        total = 0.0
        for weight in weights[row]:
            total += weight
        for i in range(weights.shape[1]):
            answer[row, i] = weights[row, i] / total if total > 0 else 0.0


def score_of(evidence: Floats) -> Floats:
    """1 - 10^-S, in [0, 1], of evidence S >= 0."""
    return np.asarray(1.0 - exp2(evidence * -LOG2_OF_10))


def auto_threshold() -> float:
    """The score from which a point is out of the ordinary, unless a share was asked for."""
    return float(score_of(np.array([AUTO_EVIDENCE]))[0])
