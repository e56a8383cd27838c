"""A sentence of why a point stands out, in words and numbers that a person understands.

It is told by the channel with the most evidence: each has a saying of its own, with the numbers
that it went by. Which one that is, `judgement` decides.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from app.detection.settings import UNITS_NS

DAY_NS, WEEK_NS = UNITS_NS["d"], UNITS_NS["w"]
FAR_BEYOND = 0.25  # of the range seen before
RATIO_TOLD = 1.3  # from here on a ratio says more than a difference,
RATIO_LEAST = 0.05  # unless it is of less than this share of the usual range
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True)
class Facts:
    """What there is to say about one value; numbers in its unit, NaN or infinite for unknown.

    local_ns: what a clock on the wall showed, as ns since it showed 1970.
    season_ns: the season the usual value goes by, 0 for none. recent: the last values, with this.
    """

    value: float
    usual: float
    before: float
    lowest: float
    highest: float
    usual_low: float
    usual_high: float
    level: float
    local: float
    local_ns: int
    season_ns: int
    recent: tuple[float, ...]


@dataclass(frozen=True)
class Disagreement:
    """A field that does not go with the others: its value, and the one that would."""

    field: str
    value: float
    fitting: float


def disagreeing(told: Sequence[Disagreement], points: int) -> str:
    """Why, where fields together are unusual: those that disagree most, by means over so many."""
    over = f" on average over {points} points" if points > 1 else ""
    if len(told) == 1:
        (one,) = told
        return (
            f"{one.field} does not go with the other fields as usual: {number(one.value)}{over}, "
            f"{number(one.fitting)} would fit"
        )
    names = ", ".join(one.field for one in told[:-1]) + f" and {told[-1].field}"
    values = ", ".join(
        f"{one.field} {number(one.value)} ({number(one.fitting)} would fit)" for one in told
    )
    return f"{names} do not go together as usual{over}: {values}"


def sentence(kind: str, facts: Facts, field: str = "") -> str:
    """Why, by the strongest kind of evidence; the field's name in front where there are many."""
    text = _SAYINGS.get(kind, _unusual)(facts)
    return f"{field}: {text}" if field else text


def unlike_before(points: int) -> str:
    """Where the course of the last points is the strangest."""
    return f"the course of the last {points} points is unlike any before"


def numbers(*given: float) -> tuple[str, ...]:
    """The same for numbers that are compared: with more digits where they would look alike."""
    texts = [number(x) for x in given]
    for digits in range(5, 18):
        if len(set(texts)) == len(set(given)):
            break
        texts = [f"{x:.{digits}g}" for x in given]
    return tuple(texts)


def number(x: float) -> str:
    """At most five digits that matter: 39197, 0.0917, 1.2e+16; never more than needed."""
    if not math.isfinite(x):
        return "unknown"
    if abs(x) >= 1e15 or 0 < abs(x) < 1e-4:
        return f"{x:.3g}"
    if abs(x) >= 9999.5:
        return str(round(x))
    return f"{x:.4g}" if x != int(x) else str(int(x))


def _new(facts: Facts) -> str:
    width = facts.highest - facts.lowest
    is_above = facts.value > facts.highest
    excess = facts.value - facts.highest if is_above else facts.lowest - facts.value
    far = "far " if excess > FAR_BEYOND * width else ""
    if width == 0:
        usual, value = numbers(facts.highest, facts.value)
        return f"the first value other than {usual}: {value}"
    side, so_far = ("above", "highest") if is_above else ("below", "lowest")
    bound = facts.highest if is_above else facts.lowest
    value, known = numbers(facts.value, bound)
    return f"{far}{side} anything seen before: {value}, {so_far} so far {known}"


def _unexpected(facts: Facts) -> str:
    if not math.isfinite(facts.usual):
        return _unusual(facts)
    when = f"the usual value for {_place(facts)}" if facts.season_ns else "the expected value"
    smallest = RATIO_LEAST * (
        facts.usual_high - facts.usual_low
    )  # times nearly nothing says little
    if facts.value > 0 and facts.usual > smallest:
        times = facts.value / facts.usual
        if not 1 / RATIO_TOLD < times < RATIO_TOLD and math.isfinite(times):
            return f"{_times(times)} {when}"
    side = "above" if facts.value > facts.usual else "below"
    value, usual = numbers(facts.value, facts.usual)
    return f"the value {value} is {side} {when}, {usual}"


def _drifted(facts: Facts) -> str:
    if not facts.season_ns:
        return _level(facts)
    return (
        f"for long away from the usual: now {number(facts.value)}, "
        f"usually {number(facts.usual)} for {_place(facts)}"
    )


def _step(facts: Facts) -> str:
    if not math.isfinite(facts.before):
        return _unusual(facts)
    what = "jump" if facts.value > facts.before else "drop"
    before, value = numbers(facts.before, facts.value)
    return f"a sudden {what} from {before} to {value}"


def _spread(facts: Facts) -> str:
    present = [x for x in facts.recent if math.isfinite(x)]
    return (
        f"the last {len(present)} values vary more than usual, "
        f"from {number(min(present))} to {number(max(present))}"
    )


def _still(facts: Facts) -> str:
    present = [x for x in facts.recent if math.isfinite(x)]
    if len(present) > 2 and min(present) == max(present):
        return f"stuck at {number(facts.value)} for {len(present)} points"
    return (
        f"the last {len(present)} values vary less than usual, "
        f"from {number(min(present))} to {number(max(present))}"
    )


def _level(facts: Facts) -> str:
    present = [x for x in facts.recent if math.isfinite(x)]
    if len(present) > 2 and min(present) == max(present):
        return _still(facts)
    if facts.usual_low <= facts.value <= facts.usual_high:
        return f"an unusual course of the last points, {number(facts.level)} on average over 24"
    return _unusual(facts)


def _local(facts: Facts) -> str:
    if not math.isfinite(facts.local):
        return _unusual(facts)
    side = "above" if facts.value > facts.local else "below"
    value, local = numbers(facts.value, facts.local)
    return f"the value {value} is far {side} the last 48 points, whose median is {local}"


def _unusual(facts: Facts) -> str:
    if facts.usual_low <= facts.value <= facts.usual_high:
        return f"an unusual combination of value, change and time: {number(facts.value)}"
    return (
        f"an unusual value: {number(facts.value)}, "
        f"usually between {number(facts.usual_low)} and {number(facts.usual_high)}"
    )


def _times(ratio: float) -> str:
    if ratio < 1:
        return f"only {100 * ratio:.2g} % of"
    return f"{number(round(ratio))} times" if ratio >= 10 else f"{ratio:.1f} times"


def _place(facts: Facts) -> str:
    """The place in the season: "Sunday 01:00", by the clock on the wall."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=facts.local_ns // 1000)
    if facts.season_ns % DAY_NS == 0 and facts.season_ns <= WEEK_NS:
        return f"{DAYS[moment.weekday()]} {moment:%H:%M}"
    if DAY_NS % facts.season_ns == 0:
        return f"{moment:%H:%M}"
    return "this place in the season"


_SAYINGS = {
    "novelty": _new,
    "residual": _unexpected,
    "season": _unexpected,
    "context": _unexpected,
    "drift": _drifted,
    "step": _step,
    "spread": _spread,
    "quiet": _still,
    "level": _level,
    "local": _local,
}
