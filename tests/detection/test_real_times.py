"""Series as clocks and networks make them: other intervals, gaps, irregular and late points."""

import numpy as np
import pytest

from app.detection import Points, State, advance, fit
from tests.detection.streams import (
    DAY_NS,
    HOUR_NS,
    MINUTE_NS,
    QUICK,
    SECOND_NS,
    hours,
    noise,
    stream,
    wave,
)


class TestInterval:
    """From a second to a month: what counts is the season, not how many points it has."""

    @pytest.mark.parametrize(
        ("interval_ns", "season_ns"),
        [
            (SECOND_NS, MINUTE_NS),
            (10 * SECOND_NS, HOUR_NS),
            (MINUTE_NS, HOUR_NS),
            (5 * MINUTE_NS, DAY_NS),
            (HOUR_NS, DAY_NS),
            (DAY_NS, 7 * DAY_NS),
        ],
    )
    def test_the_season_is_found_and_an_odd_hour_in_it_alerts(
        self, interval_ns: int, season_ns: int
    ) -> None:
        n, period = 2400, season_ns // interval_ns
        odd = n - period // 2
        values = wave(n, period)
        values[odd : odd + 3] += 5
        found = stream(np.arange(n) * interval_ns, values)
        assert fit(found.points, QUICK).predictor.season_ns == season_ns
        assert found.alerts == [odd]
        assert found.share(slice(odd, odd + 24)) <= 0.01
        assert 0.97 <= found.inside() <= 0.999

    def test_of_months_the_year_is_found_however_long_each_is(self) -> None:
        months = np.arange(360).astype("datetime64[M]")
        values = wave(360, 12)
        values[300] += 6
        found = stream(months.astype("datetime64[ns]").astype(np.int64), values, warmup=100)
        assert fit(found.points, QUICK).predictor.season_ns == 31_556_952 * SECOND_NS
        expected = found.verdicts.expected[150:, 0]
        truth = 10 + 3 * np.sin(2 * np.pi * np.arange(150, 360) / 12)
        assert np.median(np.abs(expected - truth)) < 0.3
        assert found.verdicts.is_anomaly[300]
        assert found.share(slice(300, 306)) <= 0.01


class TestGap:
    @pytest.mark.parametrize("missing", [1, 3, 30, 120, 1000])
    def test_a_gap_is_no_anomaly_and_life_goes_on_behind_it(self, missing: int) -> None:
        n, odd = 4000, 3600
        values, is_there = wave(n, 24), np.ones(n, np.bool_)
        values[odd] += 6
        is_there[2007 : 2007 + missing] = False
        found = stream(hours(n)[is_there], values[is_there])
        assert [i for i in found.alerts if i > 2000] == [odd - missing]
        assert found.anomalies(slice(2007, 2207)) == 0

    def test_behind_a_gap_the_season_is_expected_at_its_place(self) -> None:
        n, gap = 3000, slice(2000, 2500)
        kept = np.delete(np.arange(n), gap)
        found = stream(hours(n)[kept], wave(n, 24)[kept])
        truth = 10 + 3 * np.sin(2 * np.pi * kept / 24)
        day = slice(2000, 2024)
        np.testing.assert_allclose(found.verdicts.expected[day, 0], truth[day], atol=1.0)

    def test_a_gap_in_what_has_no_season_is_no_anomaly(self) -> None:
        kept = np.delete(np.arange(3000), slice(2000, 2400))
        found = stream(hours(3000)[kept], noise(3000)[kept])
        assert found.anomalies(slice(2000, 2100)) <= 1


class TestIrregular:
    def test_times_that_jitter_change_nothing(self) -> None:
        n, odd = 3000, 2500
        jitter = np.random.default_rng(1).integers(-600, 600, n) * SECOND_NS
        values = wave(n, 24)
        values[odd] += 6
        found = stream(hours(n) + jitter, values)
        assert found.alerts == [odd]
        assert found.share(slice(odd, odd + 24)) <= 0.01

    def test_times_at_random_have_their_season_by_the_clock(self) -> None:
        n, odd = 3000, 2500
        steps = np.random.default_rng(1).exponential(0.9 * HOUR_NS, n) + 0.1 * HOUR_NS
        times = np.cumsum(steps).astype(np.int64)
        values = 10 + 3 * np.sin(2 * np.pi * times / DAY_NS) + 0.3 * noise(n, 2)
        values[odd] += 6
        found = stream(times, values)
        assert fit(found.points, QUICK).predictor.season_ns == DAY_NS
        assert found.alerts == [odd]
        assert found.share(slice(odd, odd + 24)) <= 0.01

    @pytest.mark.parametrize("later_ns", [MINUTE_NS, 30 * MINUTE_NS])
    def test_another_interval_is_taken_up(self, later_ns: int) -> None:
        before, after = 3000, 2000
        times = np.concatenate(
            [
                np.arange(before) * 5 * MINUTE_NS,
                before * 5 * MINUTE_NS + np.arange(after) * later_ns,
            ]
        )
        odd = before + after - 200
        values = 10 + 3 * np.sin(2 * np.pi * times / DAY_NS) + 0.3 * noise(len(times), 2)
        values[odd : odd + 3] += 6
        found = stream(times, values)
        assert odd in found.alerts
        assert len(found.alerts) <= 2
        assert found.share(slice(odd, odd + 24)) <= 0.01


class TestLate:
    def test_a_late_point_is_judged_by_its_own_past(self) -> None:
        values = wave(1200, 24)
        points, late = Points.checked(hours(1200), values), 1100
        model = fit(points[:1000], QUICK)
        in_time, _ = advance(model, State.after(model, points[:late]), points[late : late + 1])
        known = Points.checked(np.delete(hours(1200), late), np.delete(values, late))
        past = known[: int(np.searchsorted(known.times, points.times[late]))]
        afterwards, _ = advance(model, State.after(model, past), points[late : late + 1])
        assert afterwards.score.tolist() == in_time.score.tolist()
        assert afterwards.expected.tolist() == in_time.expected.tolist()
