"""Days when the clocks change, in a series whose life follows the clock on the wall."""

from functools import cache

import numpy as np
import pytest

from app.detection import Points, Settings, Verdicts, Watch, replay, watch
from app.detection.zone import Zone

HOUR_NS = 3_600_000_000_000
DAY = 24
BERLIN = Settings(n_estimators=30, timezone="Europe/Berlin")
BEGINNING_NS = int(np.datetime64("2023-12-01T00:00", "ns").astype(np.int64))
SPRING_HOUR = int(
    (np.datetime64("2024-03-31T01:00", "h") - np.datetime64("2023-12-01T00:00", "h")).astype(int)
)
AUTUMN_HOUR = SPRING_HOUR + 30 * 7 * DAY


@cache
def office() -> tuple[Points, np.ndarray]:
    """Eleven months of hours, and the level without the noise.

    People come at eight and leave at six, on the clock of Berlin, and not on weekends.
    """
    times = BEGINNING_NS + np.arange(AUTUMN_HOUR + 10 * DAY) * HOUR_NS
    local = (times + Zone.named("Europe/Berlin").offsets_at(times)) // HOUR_NS
    is_open = (local % DAY >= 8) & (local % DAY < 18) & ((local // DAY + 3) % 7 < 5)
    level = np.where(is_open, 200.0, 20.0)
    noise = np.random.default_rng(0).normal(size=len(times))
    return Points.checked(times, level + 4 * noise), level


@cache
def judged(settings: Settings) -> Verdicts:
    return replay(office()[0], settings, warmup=4 * 7 * DAY)


@pytest.mark.parametrize("change", [SPRING_HOUR, AUTUMN_HOUR])
def test_the_week_after_a_change_is_expected_by_the_clock_on_the_wall(change: int) -> None:
    week = slice(change - 12, change + 7 * DAY)
    found, (_, level) = judged(BERLIN), office()
    np.testing.assert_allclose(found.expected[week, 0], level[week], atol=20)
    assert np.count_nonzero(found.is_anomaly[week]) <= 1


def test_no_change_of_the_clocks_alerts() -> None:
    found = judged(BERLIN)
    alarms, _ = watch(Watch(), found.strength, found.is_anomaly)
    after = np.arange(len(alarms.is_alert)) > 12 * 7 * DAY
    assert np.count_nonzero(alarms.is_alert & after) <= 1
    for change in (SPRING_HOUR, AUTUMN_HOUR):
        assert not alarms.is_alert[change - 12 : change + 7 * DAY].any()


def test_without_the_zone_the_change_is_taken_for_an_anomaly() -> None:
    week = slice(SPRING_HOUR, SPRING_HOUR + 5 * DAY)
    unaware = judged(Settings(n_estimators=30))
    assert np.count_nonzero(unaware.is_anomaly[week]) > np.count_nonzero(
        judged(BERLIN).is_anomaly[week]
    )


def test_a_reason_says_the_hour_on_the_wall() -> None:
    points, _ = office()
    at = SPRING_HOUR + 9 * DAY + 9  # a Tuesday in summer, ten in the morning by UTC, noon in Berlin
    values = points.values.copy()
    values[at] = 90.0
    until = Points.checked(points.times, values)[: at + 1]
    (said,) = replay(until, BERLIN, warmup=at).reasons[-1:]
    assert "Tuesday 12:00" in said
