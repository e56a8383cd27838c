"""What is measured of costs."""

import numpy as np
import pytest

from app.detection import Settings, fit
from benchmarks.cost import parts, workloads
from benchmarks.cost.workloads import daily
from benchmarks.memory import forget_peak, grown_mb
from benchmarks.provenance import ROOT

BLOCK_MB = 64


def test_memory_that_is_given_back_counts_for_the_peak() -> None:
    before = forget_peak()
    block = np.ones(BLOCK_MB * 1_000_000 // 8)
    del block
    assert BLOCK_MB * 0.9 < grown_mb(before) < BLOCK_MB * 2


def test_a_peak_that_was_forgotten_does_not_count() -> None:
    block = np.ones(BLOCK_MB * 1_000_000 // 8)
    del block
    assert grown_mb(forget_peak()) < BLOCK_MB / 2


def test_fields_of_the_made_up_series_differ() -> None:
    values = daily(1000, fields=3).values
    correlations = np.asarray(np.corrcoef(values.T))
    assert correlations[np.triu_indices(3, 1)].max() < 0.9


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model of few points and trees in place of the one that is measured."""
    points = daily(600)
    model = fit(points[:500], Settings(n_estimators=10))
    monkeypatch.setattr(workloads, "trained", lambda _fields=1: (model, points[500:]))
    monkeypatch.setattr(parts, "trained", lambda: (model, points[500:]))
    monkeypatch.setattr(parts, "POINTS", 20)


@pytest.mark.usefixtures("small")
def test_a_streamed_point_is_timed_beside_its_reference() -> None:
    median, p99 = workloads.streamed()
    assert 0 < median.value <= p99.value
    assert median.reference is not None
    assert median.ratio == pytest.approx(median.value / median.reference)


@pytest.mark.usefixtures("small")
def test_the_shares_of_a_points_time_are_those_of_detection_and_sum_to_one() -> None:
    shares = parts.shares()
    assert sum(shares.values()) == pytest.approx(1.0)
    modules = {path.stem for path in (ROOT / "app/detection").glob("*.py")}
    assert shares.keys() - {"libraries"}
    assert shares.keys() <= {*modules, "libraries"}
    assert list(shares.values()) == sorted(shares.values(), reverse=True)
