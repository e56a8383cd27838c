"""Points whose fields do not go together as they usually do, though each may be usual by itself.

Of each field the last value and its mean over a few and over more points, standardised and squeezed
by arcsinh, is compared with its centre. With y the deviations in spreads, R their correlation,

    T^2 = y' R^-1 y,    strangeness = log(1 + sqrt(T^2 / d)),    share of field i = ((R^-1/2 y)_i)^2

(Hotelling 1931; the shares: Garthwaite and Koch 2016, they sum to T^2). T^2 sees best what many
fields do; what a single one of many does drowns in the others. So each field is also compared with
what the others let expect of it (the residual of its regression on them; Hawkins 1991):

    e_i = (R^-1 y)_i / sqrt((R^-1)_ii),    strangeness = log(1 + max_i |e_i|),    share = e_i^2.

 What is usual is what most
of the history shows: centre, spread and correlation are such that an anomaly in the history, even a
quarter of it, hardly moves them.

The spread is that of what each field may do in as long a time as the history has (`wander`).
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import partial

import numpy as np

from app.detection import features
from app.detection.arithmetic import Floats, Ints, ordered_sum
from app.detection.calibration import RECENT_POINTS, Calibration
from app.detection.compiled import compiled
from app.detection.features import Spans, Yardstick
from app.detection.frame import Frame
from app.detection.predictor import Predictor
from app.detection.rarity import alone_by_theory, table, together_by_theory
from app.detection.wander import reach, row_medians, slopes_of
from app.detection.whitening import products, root
from app.detection.windows import span_of

MEANS = ("point", "short", "middle", "long")  # over how many points the means go
CHANNELS = (*MEANS, *(f"{name}, one field" for name in MEANS))
TAKEN_OVER = ("offset", "drift")
SQUEEZED_MOST = 4.0  # more than that, some 27 spreads, no field may add to a mean
PRESENT_LEAST = 0.5  # of a window: the mean of fewer values varies more than those learned from
STRETCHES_LEAST = 2  # of a window in the history: else its means are not judged
FOLDS = 3
REFINED_STEPS, REFINED_LEVEL = 3, 1.6  # evidence, by theory, beyond which 2.5 % of usual rows lie


@dataclass(frozen=True, eq=False)
class Joint:
    """What training saw of the fields together, for each of MEANS.

    centre, spread: (means, d), standardised and squeezed; spread > 0. roots: (means * d, d),
    symmetric matrices one below the other: they make the deviations of usual points uncorrelated.
    """

    centre: Floats
    spread: Floats
    roots: Floats

    def deviations(self, means: Floats) -> Floats:
        """Means (means, d, n) in spreads from the centre; 0 where missing."""
        away = (means - self.centre[:, :, None]) / self.spread[:, :, None]
        return np.nan_to_num(away)

    def parts(self, means: Floats) -> Floats:
        """Squared share of each field in each of CHANNELS, (channels, d, n).

        means: (means, d, n).
        """
        _, d, n = means.shape
        answer = np.empty((2, len(MEANS), d, n))
        for i, away in enumerate(self.deviations(means)):
            own = self.roots[i * d : (i + 1) * d]
            _squares(np.ascontiguousarray(away.T), own, answer[:, i])
        return answer.reshape(len(CHANNELS), d, n)

    def fitting(self, channel: int, means: Floats) -> Floats:
        """The mean of each field that would go with those of the others, (d,), for one point.

        channel: of MEANS; means: (d,) of it, standardised and squeezed, as the answer is.
        """
        d = len(means)
        y = np.nan_to_num((means - self.centre[channel]) / self.spread[channel])
        own = self.roots[channel * d : (channel + 1) * d]
        surprise = np.einsum("ij,jk,k->i", own, own, y) / np.einsum("ij,ij->i", own, own)
        return np.asarray(self.centre[channel] + self.spread[channel] * (y - surprise))


@dataclass(frozen=True, eq=False)
class Learned:
    """joint, its calibration, and the strangeness of the training, (channels, n), held out."""

    joint: Joint
    calibration: Calibration
    strangeness: Floats


def strangeness(parts: Floats, means: Floats) -> Floats:
    """Of each point in each of CHANNELS, (channels, n), of `Joint.parts` and their means.

    d counts the fields that are there; NaN with fewer than two: they cannot disagree.
    """
    answer = np.empty((len(parts), parts.shape[2]))
    numbers = np.count_nonzero(~np.isnan(means), axis=1)
    _distances(parts[: len(MEANS)], numbers, False, answer[: len(MEANS)])
    _distances(parts[len(MEANS) :], numbers, True, answer[len(MEANS) :])
    return answer


def take_over(channels: Floats, predictor: Predictor) -> None:
    """Take from channels (kinds, d, n) of the features what joint channels say better.

    A field without a season is compared with its own level, and joint channels know how far it
    wanders by itself.
    """
    for field in range(channels.shape[1]):
        if not predictor.season_of(field):
            channels[[features.CHANNELS.index(kind) for kind in TAKEN_OVER], field] = np.nan


def means_of(frame: Frame, by: Yardstick) -> Floats:
    """Trailing means of squeezed values with each point, (means, d, n); NaN for too few."""
    scale, lengths = by.scale, sizes(by.spans)
    first = frame.lookback - max(lengths)
    with np.errstate(over="ignore"):
        away = frame.values[:, first:] - scale.centre[:, None]
        squeezed = _squeezed(away / scale.spread[:, None])
    spans = tuple(span_of(length, by.predictor.interval_ns) for length in lengths)
    answer = np.empty((len(MEANS), len(squeezed), len(frame)))
    _means(frame.times[first:], squeezed, max(lengths), lengths, spans, answer)
    return answer


def sizes(spans: Spans) -> tuple[int, int, int, int]:
    """How many points each of MEANS goes over."""
    return 1, spans.short, spans.middle, spans.long


def learned(means: Floats, spans: Spans) -> Learned | None:
    """What the means of the training, (means, d, n), show; None with fewer than two fields.

    The calibration is of strangeness to correlations that were learned from other parts of the
    history, and never stricter than normal deviations would be.
    """
    is_judged = ~np.isnan(means).all(axis=2).any(axis=0)
    if np.count_nonzero(is_judged) < 2:
        return None
    slopes = slopes_of(means[1], spans.short)
    fits = [_fit(m, size, slopes) for m, size in zip(means, sizes(spans), strict=True)]
    centre, spread, roots, held_out = (np.stack(part) for part in zip(*fits, strict=True))
    joint = Joint(centre, spread, roots.reshape(-1, means.shape[1]))
    strange = strangeness(np.concatenate([held_out[:, 0], held_out[:, 1]]), means)
    recent, number = strange[:, -RECENT_POINTS:], int(np.count_nonzero(is_judged))
    theories = [together_by_theory] * len(MEANS) + [alone_by_theory] * len(MEANS)
    tables = [
        table(row[~np.isnan(row)], partial(theory, fields=number))
        for row, theory in zip(recent, theories, strict=True)
    ]
    knots, decade = (np.array(part) for part in zip(*tables, strict=True))
    return Learned(joint, Calibration(recent.shape[1], knots, decade), strange)


def _fit(means: Floats, size: int, slopes: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Centre, spread (d,), root (d, d) of one kind of means, and parts (2, d, n), of the fields
    together and of each alone, held out by folds."""
    d, n = means.shape
    if n < STRETCHES_LEAST * size:
        return np.zeros(d), np.ones(d), np.zeros((d, d)), np.full((2, d, n), np.nan)
    centre = row_medians(means)
    away = means - centre[:, None]
    spread = reach(away, size, slopes)
    rows = np.ascontiguousarray((away / spread[:, None]).T)
    together = _usual_rows(rows, size)
    held_out = np.empty((2, d, n))
    for begin, end in itertools.pairwise(np.linspace(0, n, FOLDS + 1).astype(int)):
        answer = np.empty((2, d, end - begin))
        others = root(products(together) - products(together[begin:end]), (n - end + begin) / size)
        _squares(np.nan_to_num(rows[begin:end]), others, answer)
        held_out[:, :, begin:end] = answer
    return centre, spread, root(products(together), n / size), held_out


def _usual_rows(rows: Floats, size: int) -> Floats:
    """Rows (n, d) with those missing that do not go with the others, found in a few steps: what
    remains of them is a reweighted correlation (Rousseeuw and van Zomeren 1990)."""
    n, d = rows.shape
    number = np.maximum(np.count_nonzero(~np.isnan(rows), axis=1), 1)
    parts, usual = np.empty((2, d, n)), rows
    for _ in range(REFINED_STEPS):
        _squares(np.nan_to_num(rows), root(products(usual), n / size), parts)
        strange = np.log1p(np.sqrt(ordered_sum(parts[0], axis=0) / number))
        is_usual = strange <= together_by_theory(REFINED_LEVEL, d)
        usual = np.where(is_usual[:, None], rows, np.nan)
    return usual


@compiled
def _squeezed(standard: Floats) -> Floats:
    answer = np.empty(standard.shape)
    for field in range(len(standard)):
        for i in range(standard.shape[1]):
            x = standard[field, i]
            answer[field, i] = min(max(math.asinh(x), -SQUEEZED_MOST), SQUEEZED_MOST)
            if math.isnan(x):
                answer[field, i] = math.nan
    return answer


@compiled
def _means(
    times: Ints,
    x: Floats,
    first: int,
    sizes: tuple[int, ...],
    spans: tuple[int, ...],
    answer: Floats,
) -> None:
    """Into answer (channels, d, n) for the columns of x (d, columns) from `first` on."""
    for channel in range(len(sizes)):
        size, least = sizes[channel], PRESENT_LEAST * sizes[channel]
        for column in range(first, x.shape[1]):
            oldest = times[column] - spans[channel]
            if oldest > times[column]:  # past the beginning of the clock
                oldest = times[0]
            for field in range(len(x)):
                number, total = 0, 0.0
                for i in range(column - size + 1, column + 1):
                    if times[i] >= oldest and not math.isnan(x[field, i]):
                        total += x[field, i]
                        number += 1
                is_enough = number > 0 and number >= least
                answer[channel, field, column - first] = total / number if is_enough else math.nan


@compiled
def _squares(away: Floats, root: Floats, answer: Floats) -> None:
    """For rows away (n, d) into answer (2, d, n): the squares of the whitened fields, and of each
    field's residual from what the others let expect."""
    d = len(root)
    white = np.empty(d)
    for row in range(len(away)):
        for j in range(d):
            total = 0.0
            for k in range(d):
                total += root[j, k] * away[row, k]
            white[j] = total
            answer[0, j, row] = total * total
        for j in range(d):
            total = size = 0.0
            for k in range(d):
                total += root[j, k] * white[k]
                size += root[j, k] * root[j, k]
            answer[1, j, row] = total * total / size if size > 0.0 else 0.0


@compiled
def _distances(parts: Floats, numbers: Ints, of_one: bool, answer: Floats) -> None:
    """Into answer (means, n): of the mean over the fields that are there, or of the largest."""
    for channel in range(len(parts)):
        for row in range(parts.shape[2]):
            total = largest = 0.0
            for field in range(parts.shape[1]):
                total += parts[channel, field, row]
                largest = max(largest, parts[channel, field, row])
            number = numbers[channel, row]
            square = largest if of_one else total / max(number, 1)
            answer[channel, row] = math.log1p(math.sqrt(square)) if number >= 2 else math.nan
