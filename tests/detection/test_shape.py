"""The course of the last points, against plain numpy, and what a user would see."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from app.detection import (
    Model,
    Points,
    Settings,
    State,
    advance,
    discord,
    fit,
    nearest,
    replay,
    shape,
    start,
    watch,
)
from app.detection.events import Watch
from app.detection.frame import Frame
from app.detection.scale import Scale
from app.errors import Invalid
from tests.detection.conftest import HOUR_NS

BEAT = 40
QUICK = Settings(n_estimators=20, max_samples=64)
Values = npt.NDArray[np.float64]


def beats(n: int, seed: int = 0) -> Values:
    """A steep rise and a slow fall, over and over, with a little noise."""
    place = np.arange(n) % BEAT / BEAT
    noise = np.random.default_rng(seed).normal(0, 0.02, n)
    return np.asarray(np.where(place < 0.2, place * 5, (1 - place) * 1.25) + noise)


def hourly(values: Values) -> Points:
    return Points.checked(np.arange(len(values)) * HOUR_NS, values)


def distances(values: Values, rows: int, wild: int = 10**6) -> Values:
    """D and Z of the last rows, without logarithms."""
    points = hourly(values)
    frame = Frame.of(points, len(points) - rows, discord.NEEDED_POINTS)
    scale = Scale.of(values[None])
    found, _ = discord.distances(frame, scale, HOUR_NS, wild, frame.lookback)
    return found


def plainly(values: Values, row: int, w: int) -> tuple[float, float]:
    scale = Scale.of(values[None])
    rounded = np.round((values - scale.centre) / scale.spread * nearest.STEPS) / nearest.STEPS
    window = rounded[row - w + 1 : row + 1]
    others = [rounded[end - w + 1 : end + 1] for end in range(w - 1, row - w + 1)]
    level = [x - x.mean() for x in (window, *others)]
    like = [x / (x.std() + discord.FLAT) for x in level]
    return tuple(  # type: ignore[return-value]
        min(float(np.sqrt(np.mean((x[0] - other) ** 2))) for other in x[1:]) for x in (level, like)
    )


@pytest.mark.parametrize("row", [300, 350])
@pytest.mark.parametrize("i", range(len(nearest.WINDOWS)))
def test_distances_are_those_of_plain_numpy(row: int, i: int) -> None:
    values = np.random.default_rng(1).normal(0, 1, 400).cumsum() / 4 + beats(400)
    found = distances(values, 120)[[i, len(nearest.WINDOWS) + i], row - 280]
    np.testing.assert_allclose(
        found, plainly(values, row, nearest.WINDOWS[i]), rtol=1e-9, atol=1e-12
    )


def test_one_point_at_a_time_or_all_at_once_gives_the_same_bits() -> None:
    values = beats(6000)
    values[5900:5910] = 0.5
    values[5950] = np.nan
    values[5960] = 9.0
    points = hourly(values)
    model = fit(points[:5800], QUICK)
    assert model.shape is not None
    together, _ = advance(model, start(model), points[5800:])
    state, alone = start(model), []
    for i in range(5800, 6000):
        verdicts, state = advance(model, state, points[i : i + 1])
        alone.append((verdicts.score[0], verdicts.strength[0], verdicts.reasons[0]))
    assert [a[0] for a in alone] == together.score.tolist()
    assert [a[1] for a in alone] == together.strength.tolist()
    assert tuple(a[2] for a in alone) == together.reasons
    rebuilt = State.after(model, points[:5990])
    later, _ = advance(model, rebuilt, points[5990:])
    assert later.score.tolist() == together.score[190:].tolist()


def test_a_course_unlike_any_before_is_found_though_every_value_is_usual() -> None:
    values = beats(4000)
    odd = slice(3600, 3600 + BEAT)
    values[odd] = values[odd][::-1]
    verdicts = replay(hourly(values), QUICK)
    found = np.flatnonzero(verdicts.is_anomaly)
    assert np.count_nonzero((found >= odd.start) & (found < odd.stop + BEAT)) >= 5
    assert np.count_nonzero(found < odd.start) <= 4
    at = int(found[found >= odd.start][0])
    assert "the course of the last" in " ".join(verdicts.reasons[at : at + BEAT])
    alarms, _ = watch(Watch(), verdicts.strength, verdicts.is_anomaly)
    alerts = np.flatnonzero(alarms.is_alert)
    assert np.count_nonzero((alerts >= odd.start) & (alerts < odd.stop + BEAT)) == 1


@pytest.mark.parametrize(
    "values",
    [
        np.random.default_rng(2).normal(0, 1, 3000),
        np.full(3000, 7.0),
        beats(shape.LEARNED_LEAST + 2 * discord.LONGEST - 1),
        np.stack([beats(1500), beats(1500, 1)], axis=1),
    ],
    ids=["noise", "constant", "little", "two fields"],
)
def test_there_is_no_shape_where_history_does_not_repeat_itself(values: Values) -> None:
    model = fit(hourly(values), QUICK)
    assert model.shape is None
    assert model.lookback_points < discord.NEEDED_POINTS


def test_a_random_walk_is_hardly_trusted_to_repeat_itself() -> None:
    model = fit(hourly(np.random.default_rng(2).normal(0, 1, 3000).cumsum()), QUICK)
    assert model.shape is None or model.shape.trust < 0.3


def test_trust_grows_with_history() -> None:
    models = [fit(hourly(beats(n)), QUICK) for n in (600, 900, 2000)]
    trusts = [model.shape.trust if model.shape else 0.0 for model in models]
    assert 0 < trusts[0] < trusts[1] < trusts[2] == 1


@pytest.mark.parametrize("broken", ["missing", "missing far out", "wild", "gap"])
def test_windows_with_a_hole_say_nothing_until_it_is_behind_them(broken: str) -> None:
    values, times = beats(2000), np.arange(2000) * HOUR_NS
    if broken == "missing far out":
        values[1899:1902] = 50.0
    values[1900] = {"wild": 50.0, "gap": values[1900]}.get(broken, np.nan)
    times[1901:] += HOUR_NS * (broken == "gap")
    points, scale = Points.checked(times, values), Scale.of(values[None])
    frame = Frame.of(points, 1800, discord.NEEDED_POINTS)
    wild = 4 * nearest.STEPS
    found = np.isnan(discord.distances(frame, scale, HOUR_NS, wild, frame.lookback)[0])
    silent = {"wild": 1, "gap": 1}.get(broken, 0)  # after the point itself
    for i, w in enumerate(nearest.WINDOWS[:-1]):
        expected = np.zeros(200, np.bool_)
        expected[100 + silent : 100 + w] = True
        np.testing.assert_array_equal(found[i], expected)


def test_an_exactly_repeating_series_forgives_a_hundredth_of_its_spread() -> None:
    values = np.tile(beats(BEAT), 60)
    values[2000:] += np.random.default_rng(3).uniform(-0.003, 0.003, 400)
    points = hourly(values)
    model = fit(points[:2000], QUICK)
    verdicts, _ = advance(model, start(model), points[2000:])
    assert np.count_nonzero(verdicts.is_anomaly) <= 4


def test_a_model_keeps_its_shape_in_bytes_of_less_than_a_megabyte() -> None:
    points = hourly(beats(4000))
    model = fit(points, Settings())
    packed = model.to_bytes()
    assert len(packed) < 1_000_000
    read = Model.from_bytes(packed)
    assert model.shape is not None
    assert read.shape is not None
    assert (read.shape.trust, read.shape.wild) == (model.shape.trust, model.shape.wild)
    assert read.to_bytes() == packed


@pytest.mark.parametrize(("trust", "wild"), [(0.0, 9), (1.5, 9), (1.0, 0)])
def test_bytes_with_an_impossible_shape_are_refused(trust: float, wild: int) -> None:
    model = fit(hourly(beats(1500)), QUICK)
    assert model.shape is not None
    forged = replace(model, shape=replace(model.shape, trust=trust, wild=wild))
    with pytest.raises(Invalid):
        Model.from_bytes(forged.to_bytes())
