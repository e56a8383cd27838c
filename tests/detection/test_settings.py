from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from app.detection import Settings
from app.errors import FieldError, Invalid

DAY_NS = 86_400_000_000_000


def test_nothing_given_means_the_defaults() -> None:
    assert Settings.from_json({}) == Settings()


def test_durations_are_read() -> None:
    settings = Settings.from_json({"season": ["7d", "1d"], "interval": "30m"})
    assert settings.season == (DAY_NS, 7 * DAY_NS)
    assert settings.interval == DAY_NS // 48
    assert settings.to_json()["season"] == ["1d", "1w"]


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("n_estimators", 0),
        ("n_estimators", True),
        ("n_estimators", 1.5),
        ("max_samples", 1),
        ("contamination", 0),
        ("contamination", 0.51),
        ("contamination", float("nan")),
        ("contamination", "some"),
        ("season", "1d"),
        ("season", ["1x"]),
        ("season", ["0s"]),
        ("season", [86400]),
        ("season", ["1d", "2d", "3d", "4d", "5d"]),
        ("interval", "-1m"),
        ("interval", "999999999999w"),
        ("interval", "٣m"),
        ("timezone", "Mars/Base"),
        ("timezone", "europe/berlin"),
        ("timezone", None),
        ("random_state", -1),
        ("trees", 5),
    ],
)
def test_a_wrong_setting_is_named(name: str, given: Any) -> None:
    with pytest.raises(Invalid) as error:
        Settings.from_json({name: given})
    (only,) = error.value.errors
    assert isinstance(only, FieldError)
    assert only.field == name


def test_all_wrong_settings_are_named_together() -> None:
    with pytest.raises(Invalid) as error:
        Settings.from_json({"n_estimators": "many", "season": 3})
    assert len(error.value.errors) == 2


@given(
    some.builds(
        Settings,
        n_estimators=some.integers(1, 1000),
        max_samples=some.integers(2, 65_535),
        contamination=some.just("auto") | some.floats(0.001, 0.5),
        season=some.just("auto")
        | some.sets(some.integers(1, 1 << 59), max_size=4).map(lambda s: tuple(sorted(s))),
        interval=some.just("auto") | some.integers(1, 1 << 59),
        timezone=some.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns"]),
        random_state=some.integers(0, 2**32 - 1),
    )
)
def test_the_json_form_gives_the_settings_back(settings: Settings) -> None:
    assert Settings.from_json(settings.to_json()) == settings
