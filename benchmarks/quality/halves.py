"""How a figure holds on series that the threshold was not chosen on.

The best threshold over all series flatters. Here the series are split in two at random, many times;
the threshold chosen on one half is scored on the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from benchmarks.quality.nab import Gains

SPLITS = 20
SEED = 20150913  # of the splits: the same for all detectors and seeds


def halves(names: list[str], splits: int = SPLITS) -> Iterator[tuple[list[str], list[str]]]:
    """Random splits in two, both ways round: (to choose on, to score on)."""
    generator = np.random.default_rng(SEED)
    for _ in range(splits):
        shuffled = [names[i] for i in generator.permutation(len(names))]
        middle = len(names) // 2
        first, second = sorted(shuffled[:middle]), sorted(shuffled[middle:])
        yield first, second
        yield second, first


def scores_over_halves(by_name: Mapping[str, Gains], splits: int = SPLITS) -> list[float]:
    """The score on each half that has a window, at the threshold chosen on the other."""
    scores = []
    for chosen_on, scored_on in halves(sorted(by_name), splits):
        threshold = Gains.joined([by_name[name] for name in chosen_on]).best_threshold()
        other = Gains.joined([by_name[name] for name in scored_on])
        if other.best > 0:
            scores.append(other.score_at(threshold))
    return scores
