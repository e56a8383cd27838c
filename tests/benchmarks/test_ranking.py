"""VUS-PR and AUC-PR as the environment of their own gives them, where it was made."""

import numpy as np
import pytest

from benchmarks.quality.ranking import is_ready, ranked

pytestmark = pytest.mark.skipif(not is_ready(), reason="`make quality` makes the environment")

N = 5000
LABELS = np.zeros(N, np.int64)
LABELS[2000:2200] = 1
FIELD = np.sin(np.arange(N) * 2 * np.pi / 50)


def test_random_scores_have_about_the_share_of_anomalous_points() -> None:
    found = ranked(np.random.default_rng(0).random(N), LABELS, FIELD)
    assert found["auc_pr"] == pytest.approx(LABELS.mean(), abs=0.01)
    assert LABELS.mean() * 0.8 < found["vus_pr"] < LABELS.mean() * 1.6


def test_perfect_scores_have_1() -> None:
    found = ranked(LABELS + np.random.default_rng(0).random(N) / 1e6, LABELS, FIELD)
    assert found["auc_pr"] == pytest.approx(1.0)
    assert found["vus_pr"] > 0.95


def test_the_width_is_the_strongest_autocorrelation() -> None:
    width = ranked(FIELD, LABELS, FIELD)["width"]
    assert width % 50 == pytest.approx(0, abs=1)
