"""The expected value of a point, from what came before it: the best of a few plain predictors."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from app.detection import season
from app.detection.arithmetic import Floats, Ints, median, windows
from app.detection.frame import Frame
from app.detection.scale import Scale

LAST, RECENT, SEASONAL = (
    0,
    1,
    2,
)  # then two for each season: as it was, and corrected by the last errors
RECENT_POINTS = 12
CORRECTION_POINTS = 6
WILD_RANGES = 2.0  # so many ranges of the last points away, a value is no guess for the next
SAMPLES_LEAST = 3
SHARE_LEAST = 0.25  # a predictor must have had an answer for so much of the training
ERROR_CAP = 3.0  # in spreads: one wild point must not choose the predictor


@dataclass(frozen=True, eq=False)
class Predictor:
    """One of the candidates for each field, chosen in training.

    seasons_ns: lengths, shortest first; choice: (d,) which candidate; lowest, highest: (d,) of the
    training, in the field's unit.
    """

    interval_ns: int
    seasons_ns: tuple[int, ...]
    choice: Ints
    lowest: Floats
    highest: Floats

    @property
    def reach(self) -> int:
        """How many points before a point its expected value may depend on."""
        numbers = [self._repeats(i) for i in range(len(self.seasons_ns))]
        spans = [
            n * max(1, round(s / self.interval_ns)) + 2
            for n, s in zip(numbers, self.seasons_ns, strict=True)
        ]
        return max([RECENT_POINTS, *spans]) + CORRECTION_POINTS

    def predicted(self, frame: Frame, first: int) -> Floats:
        """Expected and usual values of the frame from column `first` on: (2, d, columns - first).

        Expected is the best guess. Usual is the same, but without correction by the last errors,
        which would follow an anomaly that lasts. Both fall back to the median of the last 12
        points; NaN where these are all missing. Needs first >= reach.
        """
        recent = self._candidate(frame, first, RECENT)
        answer = np.stack([recent, recent])
        for kind in set(self.choice.tolist()) - {RECENT}:
            chosen = (self.choice == kind)[:, None]
            candidate = np.stack(self._pair(frame, first, kind))
            answer = np.where(chosen & ~np.isnan(candidate), candidate, answer)
        return answer

    def settled(self, n: int) -> int:
        """From which of n training points on the predictors err as they will: after a season, but
        within the first half."""
        used = max((self.season_of(field) for field in range(len(self.choice))), default=0)
        return min(n // 2, round(used / self.interval_ns))

    def season_of(self, field: int) -> int:
        """Length in ns of the season the field's expected value goes by; 0: none."""
        kind = int(self.choice[field])
        return self.seasons_ns[(kind - SEASONAL) // 2] if kind >= SEASONAL else 0

    def candidates(self, frame: Frame, first: int) -> list[Floats]:
        """What each of the candidates would expect, (d, columns - first) each."""
        kinds = range(SEASONAL + 2 * len(self.seasons_ns))
        return [self._candidate(frame, first, kind) for kind in kinds]

    def _candidate(self, frame: Frame, first: int, kind: int) -> Floats:
        return self._pair(frame, first, kind)[0]

    def _pair(self, frame: Frame, first: int, kind: int) -> tuple[Floats, Floats]:
        """What a candidate expects, and the same without correction, (d, columns - first) each."""
        if kind == LAST:
            last = _last(frame, first)
            return last, last
        if kind == RECENT:
            middle = median(windows(frame.values[:, :-1], RECENT_POINTS, first - 1))
            return middle, middle
        which, is_corrected = divmod(kind - SEASONAL, 2)
        if not is_corrected:
            plain = self._seasonal(frame, first, which)
            return plain, plain
        start = first - CORRECTION_POINTS
        plain = self._seasonal(frame, start, which)
        errors = frame.values[:, start:] - plain
        correction = median(windows(errors[:, :-1], CORRECTION_POINTS, CORRECTION_POINTS - 1))
        here = plain[:, CORRECTION_POINTS:]
        corrected = here + np.where(np.isnan(correction), 0.0, correction)
        return self._plausible(corrected, frame, first), here

    def _plausible(self, corrected: Floats, frame: Frame, first: int) -> Floats:
        """No further than the training or the last points went: a night is not below zero
        because the day was quiet."""
        low, high = _range(windows(frame.values[:, :-1], RECENT_POINTS, first - 1))
        least, most = np.minimum(low, self.lowest[:, None]), np.maximum(high, self.highest[:, None])
        return np.asarray(np.minimum(np.maximum(corrected, least), most))

    def _seasonal(self, frame: Frame, first: int, which: int) -> Floats:
        length_ns = self.seasons_ns[which]
        found = season.samples(frame, length_ns, self.interval_ns, self._repeats(which), first)
        enough = np.count_nonzero(~np.isnan(found), axis=-1) >= SAMPLES_LEAST
        return np.where(enough, median(found), np.nan)

    def _repeats(self, which: int) -> int:
        return season.repeats(self.seasons_ns[which], self.interval_ns, is_first=which == 0)


def _last(frame: Frame, first: int) -> Floats:
    """The last value, (d, columns - first); the one before it where the last was a wild one."""
    last, before = frame.values[:, first - 1 : -1], frame.values[:, first - 2 : -2]
    low, high = _range(windows(frame.values[:, :-2], RECENT_POINTS, first - 2))
    with np.errstate(invalid="ignore", over="ignore"):  # nothing known yet: inf - inf
        width = WILD_RANGES * (high - low)
        is_wild = (last > high + width) | (last < low - width)
    return np.where(is_wild, before, last)


def _range(window: Floats) -> tuple[Floats, Floats]:
    """Lowest and highest along the last axis; inf and -inf where all is missing."""
    low = np.where(np.isnan(window), np.inf, window).min(axis=-1)
    return low, np.where(np.isnan(window), -np.inf, window).max(axis=-1)


def undecided(scale: Scale, interval_ns: int, seasons_ns: tuple[int, ...]) -> Predictor:
    """All candidates at hand, none chosen yet but the recent median."""
    choice = np.full(len(scale.centre), RECENT)
    return Predictor(interval_ns, seasons_ns, choice, scale.lowest, scale.highest)


def choose(draft: Predictor, frame: Frame, spread: Floats) -> Predictor:
    """The candidate with the smallest mean error for each field, over the training points.

    frame: the training, with a lookback of at least the draft's reach; spread: (d,).
    """
    errors = [_capped_errors(draft, block, spread) for _, block in frame.blocks()]
    total = np.sum([e[0] for e in errors], axis=0)
    number = np.sum([e[1] for e in errors], axis=0)
    has_answers = number >= SHARE_LEAST * np.maximum(number[RECENT], 1)
    means = np.where(has_answers, total / np.maximum(number, 1), np.inf)
    return replace(draft, choice=np.argmin(means, axis=0).astype(np.int64))


def _capped_errors(draft: Predictor, block: Frame, spread: Floats) -> tuple[Floats, Ints]:
    """Sum and number of the capped errors in spreads, (candidates, d) each."""
    candidates = np.stack(draft.candidates(block, block.lookback))
    with np.errstate(over="ignore"):
        errors = np.minimum(np.abs(block.judged - candidates) / spread[:, None], ERROR_CAP)
    number = np.count_nonzero(~np.isnan(errors), axis=-1)
    return np.nansum(errors, axis=-1), number
