"""What each channel says adds up to the score."""

import numpy as np

from app.detection import Points, Settings, State, advance, anatomy, fit, start
from app.detection.features import CHANNELS, VIEWS

HOUR_NS = 3_600_000_000_000
PLAIN = [*(f"forest: {view}" for view in VIEWS), *CHANNELS, "novelty"]


def shifted(n: int) -> Points:
    """Noise, with a wild value near the end."""
    values = np.random.default_rng(0).normal(10, 1, n)
    values[-20] = 40.0
    return Points.checked(np.arange(n) * HOUR_NS, values)


def together(n: int) -> Points:
    """Two fields that go together, but not at the end."""
    values = np.random.default_rng(1).normal(10, 1, (n, 2))
    values[:, 1] = values[:, 0] + 0.1 * values[:, 1]
    values[-20:, 1] -= 3
    return Points.checked(np.arange(n) * HOUR_NS, values)


def test_half_the_largest_and_half_the_mean_of_the_channels_is_the_score() -> None:
    """Or .6 of what the quiet channel says, which stands for itself."""
    points = shifted(400)
    model = fit(points[:300], Settings(n_estimators=10))
    rows = anatomy(model, start(model), points[300:])
    still = rows.pop("quiet")
    others = np.stack(list(rows.values()))
    verdicts, _ = advance(model, start(model), points[300:])
    combined = np.maximum((others.max(axis=0) + others.mean(axis=0)) / 2, 0.6 * still)
    np.testing.assert_allclose(verdicts.score, 1 - 10**-combined, rtol=0, atol=1e-12)
    assert verdicts.is_anomaly[-20]


def test_the_channels_are_the_same_one_by_one_and_all_at_once() -> None:
    points = shifted(330)
    model = fit(points[:300], Settings(n_estimators=10))
    whole = anatomy(model, start(model), points[300:])
    for i in range(30):
        before = points[: 300 + i]
        alone = anatomy(model, State.after(model, before), points[300 + i : 301 + i])
        assert {name: row[0] for name, row in alone.items()} == {
            name: row[i] for name, row in whole.items()
        }


def test_fields_that_part_are_seen_by_the_joint_channels() -> None:
    points = together(400)
    model = fit(points[:300], Settings(n_estimators=10))
    channels = anatomy(model, start(model), points[300:])
    joint = [name for name in channels if name.startswith("joint: ")]
    assert list(channels) == [*PLAIN, *joint]
    assert channels["joint: point"][-20] > max(channels[name][-20] for name in PLAIN)


def test_the_course_is_a_channel_where_history_repeats_itself() -> None:
    hours = np.arange(1500)
    noise = np.random.default_rng(2).normal(0, 0.5, 1500)
    points = Points.checked(hours * HOUR_NS, 10 * np.sin(hours * np.pi / 12) + noise)
    model = fit(points[:1400], Settings(n_estimators=10))
    assert list(anatomy(model, start(model), points[1400:])) == [*PLAIN, "shape"]
