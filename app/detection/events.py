"""When to wake somebody: one alert for one event, however many points it has.

A point's score says how strange it is; the event layer says whether that is news. It is a fold
over the strengths of verdicts with a small memory, which costs nothing to carry and is stored:

    alarm = 1 - 10^-A,   A = strength - .5 log10(1 + H),   0 unless there is news.

News is what is stronger than the last candidate of the last 100 points; H counts the events before
and forgets them by e in 300 points. Where A reaches 2.75, an anomaly opens an event; 24 points
without one close it.

Source: own derivation, measured on the Numenta Anomaly Benchmark (Lavin and Ahmad, 2015), which
judges a detector by when it raises its voice.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from app.detection.arithmetic import Flags, Floats, Ints

REACH_POINTS = 100  # so long, only what is stranger than the last candidate is news
CANDIDATE = 1.0  # evidence from which a point counts as a candidate
MARKED = 2.0  # evidence from which a candidate adds to the burden
BURDEN_POINTS = 300.0  # the burden is forgotten at this rate
BURDEN_COST = 0.5  # evidence taken off for each tenfold burden: a series that cries often
ALERT_EVIDENCE = 2.75  # of the alarm: from here on an event opens
QUIET_POINTS = 24  # so many points without an anomaly close an event


@dataclass(frozen=True)
class Watch:
    """What the event layer remembers of a series.

    peak: evidence of the last candidate; since: points since it; burden: forgetting count of
    events; is_open: an event is open; quiet: points since its last anomaly.
    """

    peak: float = 0.0
    since: int = REACH_POINTS + 1
    burden: float = 0.0
    is_open: bool = False
    quiet: int = 0


@dataclass(frozen=True, eq=False)
class Alarms:
    """For each of n points. alarm: (n,) float64 in [0, 1), 0 where there is no news. is_alert:
    (n,) bool, true on the point that opens an event. event: (n,) int64, which event the point
    belongs to: -1 for none, 0 for the one that was open before, k for the k-th opened here.
    """

    alarm: Floats
    is_alert: Flags
    event: Ints


def watch(
    before: Watch, strengths: Iterable[float], is_anomaly: Iterable[bool]
) -> tuple[Alarms, Watch]:
    """Follow points on from what is remembered: one by one or all at once, the same alarms.

    strengths: of the verdicts, (n,) evidence; is_anomaly: (n,).
    """
    now, opened = before, 0
    alarms: list[float] = []
    alerts: list[bool] = []
    events: list[int] = []
    for strength, is_strange in zip(strengths, is_anomaly, strict=True):
        now, alarm, is_alert = _step(now, float(strength), bool(is_strange))
        opened += is_alert
        alarms.append(alarm)
        alerts.append(is_alert)
        events.append(opened if now.is_open and now.quiet == 0 else -1)
    return Alarms(np.array(alarms), np.array(alerts, np.bool_), np.array(events, np.int64)), now


def _step(now: Watch, strength: float, is_anomaly: bool) -> tuple[Watch, float, bool]:
    """One point on: the memory after it, its alarm, and whether it opens an event."""
    burden = now.burden * math.exp(-1.0 / BURDEN_POINTS)
    since = now.since + 1
    peak = now.peak if since <= REACH_POINTS else 0.0
    alarm = 0.0
    if strength > peak + 1e-9:
        alarm = max(0.0, strength - BURDEN_COST * math.log10(1.0 + burden))
        if strength >= CANDIDATE:
            burden += 1.0 if strength >= MARKED and peak < MARKED else 0.0
            peak, since = strength, 0
    is_alert = not now.is_open and is_anomaly and alarm >= ALERT_EVIDENCE
    is_in_event = is_alert or (now.is_open and is_anomaly)
    quiet = 0 if is_in_event else now.quiet + 1
    is_open = is_alert or (now.is_open and quiet < QUIET_POINTS)
    memory = Watch(peak, min(since, REACH_POINTS + 1), burden, is_open, quiet if is_open else 0)
    return memory, 1.0 - 10.0**-alarm, is_alert
