"""Values as they really are: missing, mostly zero, all alike, tiny, huge, whole beyond 2^53."""

import numpy as np
import pytest

from tests.detection.streams import MINUTE_NS, hours, noise, stream, wave


def minutes(n: int) -> np.ndarray:
    return np.arange(n) * MINUTE_NS


class TestMissing:
    def test_a_fifth_missing_hides_neither_the_season_nor_an_anomaly(self) -> None:
        values = wave(3000, 24)
        values[np.random.default_rng(3).random(3000) < 0.2] = np.nan
        values[2000:2050] = np.nan
        values[2700:2702] = 18.0
        found = stream(hours(3000), values)
        assert 2700 in found.alerts
        assert len(found.alerts) <= 2
        assert found.share(slice(2700, 2724)) <= 0.01

    def test_what_is_missing_is_no_anomaly(self) -> None:
        values = wave(1500, 24)
        values[1200:1300] = np.nan
        found = stream(hours(1500), values)
        assert np.all(found.verdicts.score[1200:1300] == 0)
        assert set(found.verdicts.reasons[1200:1300]) == {"no value"}


class TestCounts:
    @pytest.mark.parametrize("rate", [0.02, 0.1, 0.5])
    def test_rare_events_are_normal_and_a_dozen_at_once_are_not(self, rate: float) -> None:
        values = np.random.default_rng(5).poisson(rate, 4000).astype(float)
        values[3500] = 12
        found = stream(minutes(4000), values)
        assert 3500 in found.alerts
        assert len(found.alerts) <= 3
        assert found.share(slice(3500, 3524)) <= 0.01
        assert np.all(found.verdicts.expected[1000:] >= 0)

    def test_busy_days_and_empty_nights_are_normal(self) -> None:
        rate = 0.02 + 2 * np.maximum(0, np.sin(2 * np.pi * np.arange(4000) / 24))
        values = np.random.default_rng(6).poisson(rate).astype(float)
        values[3500:3502] = 25
        found = stream(hours(4000), values)
        assert 3500 in found.alerts
        assert len(found.alerts) <= 2
        assert found.share(slice(3500, 3524)) <= 0.01


class TestConstant:
    def test_what_never_changes_has_no_anomaly(self) -> None:
        found = stream(minutes(1000), np.full(1000, 7.0))
        assert found.share() == 0
        assert found.alerts == []

    @pytest.mark.parametrize("other", [7.1, -1e9, 7.000001])
    def test_the_first_other_value_alerts(self, other: float) -> None:
        values = np.full(1500, 7.0)
        values[1200] = other
        found = stream(minutes(1500), values)
        assert found.alerts == [1200]
        assert found.share(slice(1200, 1201)) == 0
        assert "first value other than 7" in found.verdicts.reasons[1200]

    @pytest.mark.parametrize(("since", "n"), [(700, 2200), (1300, 2200), (1500, 3000)])
    def test_another_constant_alerts_once_and_is_normal_after_500_points(
        self, since: int, n: int
    ) -> None:
        """Whether a training comes in between or not."""
        values = np.full(n, 5.0)
        values[since:] = 7
        found = stream(minutes(n), values)
        assert found.alerts == [since]
        assert found.anomalies(slice(since + 500, n)) == 0
        assert np.all(found.verdicts.expected[since + 250 :] == 7)


class TestStandingStill:
    """What always moved, at least a little, and then does not."""

    @pytest.mark.parametrize("usual", ["noise", "walk", "day"])
    def test_a_sensor_that_is_stuck_alerts_within_36_points_and_is_told_to_be(
        self, usual: str
    ) -> None:
        level = {"noise": 10 + noise(2500), "walk": np.cumsum(noise(2500)), "day": wave(2500, 24)}
        values = level[usual]
        values[2200:2236] = values[2199]
        found = stream(hours(2500), values)
        assert any(2200 < alert < 2236 for alert in found.alerts)
        told = {found.verdicts.reasons[i] for i in np.flatnonzero(found.verdicts.is_anomaly)}
        assert any("stuck at" in reason for reason in told) or usual == "day"

    def test_less_noise_than_ever_is_told_to_be(self) -> None:
        values = 10 + noise(2500)
        values[2200:2236] = 10 + 0.05 * noise(36, 1)
        found = stream(hours(2500), values)
        strange = [i for i in range(2200, 2236) if found.verdicts.is_anomaly[i]]
        assert strange
        assert "vary less than usual" in found.verdicts.reasons[strange[0]]


class TestExtremes:
    @pytest.mark.parametrize("unit", [1e-300, 1e-150, 1e150, 1e300])
    def test_the_unit_of_the_values_changes_no_score(self, unit: float) -> None:
        values = wave(1500, 24)
        values[1200:1202] += 8
        plain, scaled = stream(hours(1500), values), stream(hours(1500), values * unit)
        assert scaled.alerts == plain.alerts == [1200]
        np.testing.assert_allclose(scaled.verdicts.score, plain.verdicts.score, atol=1e-9)
        np.testing.assert_allclose(
            scaled.verdicts.upper[300:] / unit, plain.verdicts.upper[300:], rtol=1e-9
        )

    def test_one_wild_value_spoils_neither_the_scores_nor_the_band_after_it(self) -> None:
        values = wave(2000, 24)
        values[1200], values[1201] = 1e300, -1e300
        found = stream(hours(2000), values)
        assert found.alerts == [1200]
        assert found.anomalies(slice(1226, 2000)) <= 3
        assert np.isfinite(found.verdicts.score).all()
        assert np.median(found.verdicts.upper[1300:]) < 18

    def test_whole_numbers_beyond_two_to_the_53_keep_their_season(self) -> None:
        values = 2.0**60 + np.round(wave(2000, 24) * 1e6)
        values[1700:1702] += 8e6
        found = stream(hours(2000), values)
        assert found.alerts == [1700]
        assert found.share(slice(1700, 1724)) <= 0.01

    def test_whole_numbers_that_round_to_one_double_are_one_value(self) -> None:
        values = (2**60 + np.arange(600) % 5).astype(np.float64)
        found = stream(hours(600), values)
        assert found.share() == 0
        assert np.all(found.verdicts.expected[100:] == 2.0**60)
