import numpy as np
import pytest

from app.detection.calibration import BEYOND_DECADES, CHANCE_MOST, EVIDENCE_MAX, Calibration


def exponential(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).exponential(size=n)


def most(trained: int) -> float:
    """Evidence of what is as strange as can be."""
    return min(EVIDENCE_MAX, float(np.log10(trained)) + BEYOND_DECADES) + CHANCE_MOST


def evidence(calibration: Calibration, strangeness: np.ndarray) -> np.ndarray:
    """Of points judged each for itself, right after the training."""
    parts = [
        calibration.evidence(strangeness[:, i : i + 1], calibration.nothing_yet())[0][0]
        for i in range(strangeness.shape[1])
    ]
    return np.concatenate(parts, axis=1)


def test_evidence_is_the_tail_probability() -> None:
    calibration = Calibration.of(exponential(20_000)[None])
    for decades in (0.5, 1.0, 1.5, 2.5, 4.0):
        strangeness = np.array([[decades * np.log(10)]])
        assert evidence(calibration, strangeness)[0, 0] == pytest.approx(decades, abs=0.25)


def test_evidence_grows_with_strangeness_up_to_its_end() -> None:
    calibration = Calibration.of(exponential(500)[None])
    found = evidence(calibration, np.linspace(-1, 300, 5000)[None])[0]
    assert np.all(np.diff(found) >= 0)
    assert found[0] == 0
    assert found[-1] == most(500)


def test_what_is_always_so_is_no_evidence() -> None:
    calibration = Calibration.of(np.full((1, 300), 0.5))
    assert evidence(calibration, np.array([[0.5, 0.4]])).tolist() == [[0, 0]]
    assert evidence(calibration, np.array([[0.6]]))[0, 0] == most(300)


def test_a_tie_is_no_more_than_the_least_of_its_like() -> None:
    counts = np.repeat([0.0, 1.0], [700, 300])
    found = evidence(Calibration.of(counts[None]), np.array([[1.0]]))
    assert found[0, 0] == pytest.approx(-np.log10(0.3), abs=0.02)


def test_what_is_missing_is_no_evidence() -> None:
    calibration = Calibration.of(np.array([[np.nan] * 50, list(range(50))]))
    assert evidence(calibration, np.array([[np.nan], [np.nan]])).tolist() == [[0], [0]]


def test_few_points_do_not_make_rare_what_is_a_little_beyond_them() -> None:
    calibration = Calibration.of(exponential(64)[None])
    beyond = np.array([[exponential(64).max() * 1.2]])
    assert evidence(calibration, beyond)[0, 0] < 3


def test_what_stands_out_again_and_again_becomes_usual_between_trainings() -> None:
    calibration = Calibration.of(exponential(2000)[None])
    found, _ = calibration.evidence(np.full((1, 200), 12.0), calibration.nothing_yet())
    for evidence in found[:, 0]:
        assert evidence[0] > 4
        assert np.all(np.diff(evidence) <= 0)
        assert evidence[-1] < 2


def test_a_spike_does_not_hide_the_next_but_is_not_as_strong_again() -> None:
    calibration = Calibration.of(exponential(500)[None])
    strangeness = np.zeros((1, 101))
    strangeness[0, [0, 100]] = 10.0
    (score, strength), _ = calibration.evidence(strangeness, calibration.nothing_yet())
    assert score[0, 0] == strength[0, 0]
    assert score[0, 100] > score[0, 0] - 1.5
    assert strength[0, 100] < score[0, 100]


def test_the_memory_is_that_of_the_last_points_however_they_came() -> None:
    calibration = Calibration.of(exponential(1000)[None])
    strangeness = exponential(1500, seed=5)[None] * 3
    strangeness[0, 700:760] = np.nan
    whole, memory = calibration.evidence(strangeness, calibration.nothing_yet())
    parts, now = [], calibration.nothing_yet()
    for start in range(0, 1500, 37):
        part, now = calibration.evidence(strangeness[:, start : start + 37], now)
        parts.append(part)
    np.testing.assert_array_equal(np.concatenate(parts, axis=2), whole)
    np.testing.assert_array_equal(now, memory)
    np.testing.assert_array_equal(calibration.excess(strangeness), memory)
    np.testing.assert_array_equal(
        calibration.evidence(strangeness[:, :1], memory)[0],
        calibration.evidence(strangeness[:, :1], calibration.excess(strangeness))[0],
    )


def test_what_lasts_is_usual_when_the_memory_is_full_however_far_beyond() -> None:
    calibration = Calibration.of(exponential(10_000)[None])
    far = np.full((1, 700), 40.0 * np.log(10))
    (score, strength), _ = calibration.evidence(far, calibration.nothing_yet())
    assert score[0, 0] == strength[0, 0]
    assert score[0, 100] > 4
    assert score[0, 512:].max() < 2
