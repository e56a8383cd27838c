import numpy as np
import pytest

from app.detection.calibration import EVIDENCE_MAX, Calibration


def exponential(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).exponential(size=n)


def test_evidence_is_the_tail_probability() -> None:
    calibration = Calibration.of(exponential(20_000)[None])
    for decades in (0.5, 1.0, 1.5, 2.5, 4.0):
        strangeness = np.array([[decades * np.log(10)]])
        assert calibration.evidence(strangeness)[0, 0] == pytest.approx(decades, abs=0.25)


def test_evidence_grows_with_strangeness_up_to_its_end() -> None:
    calibration = Calibration.of(exponential(500)[None])
    evidence = calibration.evidence(np.linspace(-1, 300, 5000)[None])[0]
    assert np.all(np.diff(evidence) >= 0)
    assert evidence[0] == 0
    assert evidence[-1] == EVIDENCE_MAX


def test_what_is_always_so_is_no_evidence() -> None:
    calibration = Calibration.of(np.full((1, 300), 0.5))
    assert calibration.evidence(np.array([[0.5, 0.4]])).tolist() == [[0, 0]]
    assert calibration.evidence(np.array([[0.6]]))[0, 0] == EVIDENCE_MAX


def test_a_tie_is_no_more_than_the_least_of_its_like() -> None:
    counts = np.repeat([0.0, 1.0], [700, 300])
    evidence = Calibration.of(counts[None]).evidence(np.array([[1.0]]))
    assert evidence[0, 0] == pytest.approx(-np.log10(0.3), abs=0.02)


def test_what_is_missing_is_no_evidence() -> None:
    calibration = Calibration.of(np.array([[np.nan] * 50, list(range(50))]))
    assert calibration.evidence(np.array([[np.nan], [np.nan]])).tolist() == [[0], [0]]


def test_few_points_do_not_make_rare_what_is_a_little_beyond_them() -> None:
    calibration = Calibration.of(exponential(64)[None])
    beyond = np.array([[exponential(64).max() * 1.2]])
    assert calibration.evidence(beyond)[0, 0] < 3
