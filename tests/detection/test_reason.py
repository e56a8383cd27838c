import math
from dataclasses import replace

import pytest

from app.detection.reason import Disagreement, Facts, disagreeing, number, sentence

DAY_NS = 86_400_000_000_000
SUNDAY_ONE_NS = 1_414_890_000 * 10**9  # 2014-11-02T01:00:00Z
FACTS = Facts(
    value=39197.0,
    usual=15820.4,
    before=23109.0,
    lowest=1431.0,
    highest=30373.0,
    usual_low=1800.0,
    usual_high=27000.0,
    level=14000.0,
    local=16000.0,
    local_ns=SUNDAY_ONE_NS,
    season_ns=7 * DAY_NS,
    recent=(20000.0, math.nan, 21000.0, 22000.0, 23109.0, 39197.0),
)


@pytest.mark.parametrize(
    ("kind", "changes", "text"),
    [
        ("residual", {}, "2.5 times the usual value for Sunday 01:00"),
        ("residual", {"value": 316.4}, "only 2 % of the usual value for Sunday 01:00"),
        (
            "season",
            {"value": 16000.0},
            "the value 16000 is above the usual value for Sunday 01:00, 15820",
        ),
        (
            "residual",
            {"value": -3.0},
            "the value -3 is below the usual value for Sunday 01:00, 15820",
        ),
        ("residual", {"season_ns": 0}, "2.5 times the expected value"),
        ("residual", {"season_ns": DAY_NS // 2}, "2.5 times the usual value for 01:00"),
        (
            "residual",
            {"season_ns": 9 * DAY_NS},
            "2.5 times the usual value for this place in the season",
        ),
        ("novelty", {}, "far above anything seen before: 39197, highest so far 30373"),
        ("novelty", {"value": 31000.0}, "above anything seen before: 31000, highest so far 30373"),
        ("novelty", {"value": -9e4}, "far below anything seen before: -90000, lowest so far 1431"),
        ("novelty", {"lowest": 5.0, "highest": 5.0}, "the first value other than 5: 39197"),
        (
            "novelty",
            {"lowest": 5.0, "highest": 5.0, "value": 5.0001},
            "the first value other than 5: 5.0001",
        ),
        (
            "novelty",
            {"lowest": 0.0, "highest": 2.0**53, "value": 2.0**53 + 2},
            "above anything seen before: 9007199254740994, highest so far 9007199254740992",
        ),
        ("step", {}, "a sudden jump from 23109 to 39197"),
        (
            "residual",
            {"usual": 0.02, "value": 10.4},
            "the value 10.4 is above the usual value for Sunday 01:00, 0.02",
        ),
        (
            "quiet",
            {"recent": (1.0, 1.5, 1.25)},
            "the last 3 values vary less than usual, from 1 to 1.5",
        ),
        ("step", {"value": 12.5}, "a sudden drop from 23109 to 12.5"),
        ("spread", {}, "the last 5 values vary more than usual, from 20000 to 39197"),
        ("drift", {}, "for long away from the usual: now 39197, usually 15820 for Sunday 01:00"),
        ("level", {"recent": (7.0,) * 6, "value": 7.0}, "stuck at 7 for 6 points"),
        ("level", {}, "an unusual value: 39197, usually between 1800 and 27000"),
        ("local", {}, "the value 39197 is far above the last 48 points, whose median is 16000"),
        ("local", {"local": math.nan}, "an unusual value: 39197, usually between 1800 and 27000"),
    ],
)
def test_the_reason_says_it_in_words_and_numbers(
    kind: str, changes: dict[str, float], text: str
) -> None:
    assert sentence(kind, replace(FACTS, **changes)) == text  # type: ignore[arg-type]


def test_the_field_is_named_where_there_are_many() -> None:
    assert sentence("step", FACTS, "pressure").startswith("pressure: a sudden jump")


@pytest.mark.parametrize(
    ("told", "points", "text"),
    [
        (
            [Disagreement("temperature", 71.2, 64.8), Disagreement("pressure", 2.4, 3.1)],
            1,
            "temperature and pressure do not go together as usual: "
            "temperature 71.2 (64.8 would fit), pressure 2.4 (3.1 would fit)",
        ),
        (
            [Disagreement(name, 1.0, 2.0) for name in "abc"],
            24,
            "a, b and c do not go together as usual on average over 24 points: "
            "a 1 (2 would fit), b 1 (2 would fit), c 1 (2 would fit)",
        ),
        (
            [Disagreement("flow", 30.2, 32.0)],
            6,
            "flow does not go with the other fields as usual: 30.2 on average over 6 points, "
            "32 would fit",
        ),
    ],
)
def test_fields_that_disagree_are_named_with_what_would_fit(
    told: list[Disagreement], points: int, text: str
) -> None:
    assert disagreeing(told, points) == text


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (39197.0, "39197"),
        (9999.96, "10000"),
        (0.0917952, "0.0918"),
        (12.0, "12"),
        (-0.5, "-0.5"),
        (1e300, "1e+300"),
        (1.5e-7, "1.5e-07"),
        (0.0, "0"),
        (math.nan, "unknown"),
    ],
)
def test_numbers_are_short(x: float, text: str) -> None:
    assert number(x) == text
