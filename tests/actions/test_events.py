"""One alert for one event, whichever way its points came, and none for what is no news.

Sudden values are so absurd, and quiet spells so long, that the event layer's constants do not
matter; where they would, its own answer is what is expected.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from redis import Redis

from app.actions import history
from app.actions import series as series_actions
from app.actions.parts import assemble
from app.detection import Points, State, Watch, advance, watch
from app.errors import NotFound
from app.settings import Settings
from app.store.events import Event, WantedEvents
from app.store.ids import event_id, ulid
from app.store.scores import Score, Wanted
from app.store.times import to_datetime, to_ns

Account = Any
Floats = NDArray[np.float64]
START_NS, MINUTE_NS = 1_704_067_200_000_000_000, 60_000_000_000
HISTORY, QUIET = 100, 300
ABSURD = 9e6
EVENT_FACTS = ("started_at", "ended_at", "peak_score", "peak_at", "points", "reason")


def usual(n: int) -> Floats:
    return np.asarray(np.random.default_rng(5).normal(10.0, 1.0, size=n))


def troubled() -> Floats:
    """Three absurd values near each other, and two farther away, each larger than all before."""
    values = usual(90)
    for rank, place in enumerate((5, 6, 8, 50, 80)):
        values[place] = ABSURD * 100**rank
    return values


def at(minute: int) -> Any:
    return to_datetime(START_NS + minute * MINUTE_NS)


@pytest.fixture
def watched(account: Account) -> Account:
    """With a series `rides` of 100 points, judged by the fallback."""
    begin(account, "rides")
    return account


def begin(account: Account, name: str, is_trained: bool = False) -> None:
    account.make(name)
    account.upload(name, usual(HISTORY))
    if is_trained:
        account.train(name)


def send(account: Account, name: str, values: Any, first: int = HISTORY) -> list[Score]:
    made: list[Score] = account.verdicts(name, values, range(first, first + len(values)))
    return made


def strengths(verdicts: list[Score]) -> list[float]:
    """As the detector itself gives them for the same points after the same history."""
    values = np.concatenate([usual(HISTORY), [float(v.value[0]) for v in verdicts]])
    times = START_NS + np.arange(len(values)) * MINUTE_NS
    judged, _ = advance(None, State(Points.empty(1)), Points.checked(times, values))
    assert [v.score for v in verdicts] == judged.score[HISTORY:].tolist()
    return [float(strength) for strength in judged.strength[HISTORY:]]


def events_of(account: Account, name: str | None = None, **wanted: Any) -> list[Event]:
    """Oldest first."""
    asked = WantedEvents(limit=1_000, **wanted)
    return history.events_page(account.parts, account.id, name, asked)[::-1]


def story(account: Account, name: str) -> list[Any]:
    """All that is stored of a series' alerts and events, but for ids, which its own id is in."""
    events = events_of(account, name)
    starts = {event.id: event.started_at for event in events}
    stored = history.scores_page(account.parts, account.id, name, Wanted(limit=1_000))
    scores = [(s.timestamp, s.alert, s.event and starts[s.event]) for s in stored]
    facts = [[getattr(event, fact) for fact in EVENT_FACTS] for event in events]
    return [scores, facts, [event.closed_at is None for event in events]]


# The same, whichever way the points come


def in_steps(
    account: Account, name: str, sizes: list[int], between: Callable[[int], object]
) -> list[Any]:
    values, first = troubled(), 0
    while first < len(values):
        for size in sizes:
            between(first)
            if first < len(values):
                send(account, name, values[first : first + size], HISTORY + first)
            first += size
    return story(account, name)


@pytest.mark.parametrize("is_trained", [False, True])
def test_one_at_a_time_is_in_batches_is_after_a_flush_is_in_another_process(
    account: Account, own_redis: "Redis", alone_settings: Settings, is_trained: bool
) -> None:
    for name in ("batch", "single", "mixed", "flushed", "elsewhere"):
        begin(account, name, is_trained)
    expected = in_steps(account, "batch", [90], lambda _: None)
    assert any(alert for _, alert, _ in expected[0])
    assert in_steps(account, "single", [1], lambda _: None) == expected
    assert in_steps(account, "mixed", [6, 1, 2, 40, 3], lambda _: None) == expected
    assert in_steps(account, "flushed", [4], lambda _: own_redis.flushdb()) == expected

    def restart(first: int) -> None:
        if first % 20 == 6:
            account.parts = assemble(alone_settings)

    assert in_steps(account, "elsewhere", [3], restart) == expected


def test_alerts_and_events_are_those_of_the_event_layer(watched: Account) -> None:
    verdicts = [one for part in np.split(troubled(), 9) for one in send_on(watched, part)]
    alarms, _ = watch(Watch(), strengths(verdicts), [v.is_anomaly for v in verdicts])
    assert [v.alert for v in verdicts] == alarms.is_alert.tolist()
    starts = [v.timestamp for v in verdicts if v.alert]
    assert starts
    events = {event.id: event for event in events_of(watched, "rides")}
    got = [v.event and events[v.event].started_at for v in verdicts]
    assert got == [starts[k - 1] if k >= 0 else None for k in alarms.event.tolist()]


def send_on(account: Account, values: Floats) -> list[Score]:
    return send(account, "rides", values, account.find("rides").points)


def test_asking_again_answers_the_same_and_counts_nothing_twice(watched: Account) -> None:
    first = send(watched, "rides", troubled())
    before = events_of(watched)
    assert repr(send(watched, "rides", troubled())) == repr(first)
    assert events_of(watched) == before


def test_points_in_any_order_in_one_request_open_the_events_of_time_order(account: Account) -> None:
    for name in ("in order", "backwards"):
        begin(account, name)
    send(account, "in order", troubled())
    account.verdicts("backwards", troubled()[::-1], range(HISTORY + 89, HISTORY - 1, -1))
    assert story(account, "backwards") == story(account, "in order")


# An event's life


def test_an_absurd_value_opens_an_event_named_by_its_start(watched: Account) -> None:
    quiet, absurd = send(watched, "rides", [10.0, ABSURD])
    assert (quiet.alert, quiet.event) == (False, None)
    of = watched.find("rides")
    start_ns = START_NS + (HISTORY + 1) * MINUTE_NS
    assert (absurd.alert, absurd.event) == (True, event_id(watched.id, of.id, start_ns))
    (event,) = events_of(watched)
    assert (event.id, event.series) == (absurd.event, "rides")
    assert event.started_at == event.ended_at == event.peak_at == absurd.timestamp
    assert (event.points, event.closed_at, event.model_version) == (1, None, 0)
    assert (event.peak_score, event.reason) == (absurd.score, absurd.reason)


def test_further_points_join_it_and_quiet_closes_it(watched: Account) -> None:
    verdicts = send(watched, "rides", [ABSURD, 10.0, ABSURD * 1e3, ABSURD * 1e6])
    assert [v.alert for v in verdicts] == [True, False, False, False]
    mine = verdicts[0].event
    assert [v.event for v in verdicts] == [mine, None, mine, mine]
    (event,) = events_of(watched, is_open=True)
    assert (event.started_at, event.ended_at) == (at(HISTORY), at(HISTORY + 3))
    assert event.points == 3
    peak = max(verdicts, key=lambda v: v.score)
    assert (event.peak_score, event.reason) == (peak.score, peak.reason)
    send_on(watched, usual(QUIET))
    (closed,) = events_of(watched, is_open=False)
    assert closed.closed_at is not None
    assert (closed.ended_at, closed.points) == (event.ended_at, event.points)
    assert events_of(watched, is_open=True) == []


def test_after_quiet_the_next_one_is_another_event(watched: Account) -> None:
    send(watched, "rides", [ABSURD])
    send_on(watched, usual(QUIET))
    (second,) = send_on(watched, np.array([ABSURD * 1e6]))
    assert second.alert is True
    assert [event.closed_at is None for event in events_of(watched)] == [False, True]


def test_a_new_model_version_goes_on_with_the_open_event(watched: Account) -> None:
    (first,) = send(watched, "rides", [ABSURD])
    watched.train("rides")
    (second,) = send_on(watched, np.array([ABSURD * 1e6]))
    assert second.model_version == 1
    assert (second.alert, second.event) == (False, first.event)


# What is no news


def test_the_first_scores_of_a_history_alert_nobody(account: Account) -> None:
    account.make("rides")
    account.upload("rides", np.concatenate([usual(HISTORY), troubled()]))
    account.train("rides")
    scores, events, _ = story(account, "rides")
    assert len(scores) == HISTORY + 90
    assert {(alert, event) for _, alert, event in scores} == {(False, None)}
    assert events == []


def test_points_that_were_uploaded_alert_nobody_when_they_are_judged(watched: Account) -> None:
    watched.upload("rides", np.array([ABSURD]), first=HISTORY)
    (verdict,) = send(watched, "rides", [ABSURD])
    assert verdict.is_anomaly is True
    assert (verdict.alert, verdict.event) == (False, None)
    assert events_of(watched) == []


def test_a_late_point_alerts_nobody_and_is_forgotten(watched: Account) -> None:
    send(watched, "rides", [10.0, 11.0], first=HISTORY + 1)
    before = watched.find("rides").watch
    (late,) = send(watched, "rides", [ABSURD])
    assert late.is_anomaly is True
    assert (late.alert, late.event) == (False, None)
    assert (events_of(watched), watched.find("rides").watch) == ([], before)


def test_a_late_point_within_an_event_joins_it(watched: Account) -> None:
    watched.verdicts("rides", [ABSURD, ABSURD * 1e3], [HISTORY + 1, HISTORY + 4])
    (before,) = events_of(watched)
    watched_before = watched.find("rides").watch
    places = [HISTORY, HISTORY + 2, HISTORY + 3]
    outside, inside, usual_one = watched.verdicts("rides", [ABSURD, ABSURD * 1e6, 10.0], places)
    assert [v.is_anomaly for v in (outside, inside, usual_one)] == [True, True, False]
    assert [v.event for v in (outside, inside, usual_one)] == [None, before.id, None]
    assert not inside.alert
    (event,) = events_of(watched)
    assert event.points == before.points + 1
    assert (event.started_at, event.ended_at) == (before.started_at, before.ended_at)
    assert event.peak_score == max(before.peak_score, inside.score)
    assert watched.find("rides").watch == watched_before


def test_late_and_new_points_in_one_request_are_as_each_by_itself(account: Account) -> None:
    values = np.array([ABSURD, 10.0, ABSURD * 1e3])
    for name in ("together", "apart"):
        begin(account, name)
        account.verdicts(name, [10.0], [HISTORY + 1])
    places = [HISTORY, HISTORY + 2, HISTORY + 3]
    account.verdicts("together", values, places)
    for place, value in zip(places, values, strict=True):
        account.verdicts("apart", [value], [place])
    assert story(account, "together") == story(account, "apart")
    assert len(events_of(account, "together")) == 1


# What is replaced


def replace(account: Account, value: float, place: int) -> Score:
    made: Score = account.score("rides", [value], [place], is_replacing=True).scores[0]
    return made


def test_a_replaced_value_alerts_nobody(watched: Account) -> None:
    send(watched, "rides", [10.0, 11.0])
    verdict = replace(watched, ABSURD, HISTORY + 1)
    assert verdict.is_anomaly is True
    assert (verdict.alert, verdict.event) == (False, None)
    assert events_of(watched) == []


@pytest.mark.parametrize("place", [HISTORY, HISTORY + 2])
def test_what_is_replaced_by_another_anomaly_stays_in_its_event(
    watched: Account, place: int
) -> None:
    verdicts = send(watched, "rides", [ABSURD, 10.0, ABSURD * 1e3])
    verdict = replace(watched, ABSURD * 1e6, place)
    assert (verdict.alert, verdict.event) == (False, verdicts[0].event)
    (event,) = events_of(watched)
    assert event.points == 2
    assert (event.started_at, event.ended_at) == (at(HISTORY), at(HISTORY + 2))


def test_what_is_replaced_by_a_usual_value_leaves_its_event(watched: Account) -> None:
    send(watched, "rides", [ABSURD, ABSURD * 1e6])
    assert replace(watched, 10.0, HISTORY + 1).event is None
    (event,) = events_of(watched)
    assert (event.points, event.peak_at) == (1, at(HISTORY))


def test_an_event_that_was_told_stays_when_all_its_points_are_replaced(watched: Account) -> None:
    (told,) = send(watched, "rides", [ABSURD])
    watched.upload("rides", np.array([10.0]), first=HISTORY, on_conflict="replace")
    (event,) = events_of(watched)
    assert (event.id, event.points, event.peak_score) == (told.event, 0, told.score)
    (verdict,) = send(watched, "rides", [10.0])
    assert verdict.event is None
    again = replace(watched, ABSURD * 1e6, HISTORY)
    (event,) = events_of(watched)
    assert (event.id, event.points) == (again.event, 1)
    assert (event.peak_score, event.reason) == (again.score, again.reason)


# What is erased


def erase(account: Account, first: int | None, end: int | None) -> None:
    span = [None if minute is None else at(minute) for minute in (first, end)]
    series_actions.erase_points(account.parts, account.id, "rides", *span)


def test_an_event_whose_start_is_erased_goes_and_no_score_names_it(watched: Account) -> None:
    send(watched, "rides", [ABSURD, 10.0, ABSURD * 1e3, 10.0])
    erase(watched, HISTORY, HISTORY + 1)
    assert events_of(watched) == []
    asked = Wanted(anomalies_only=True)
    (left,) = history.scores_page(watched.parts, watched.id, "rides", asked)
    assert left.event is None
    (again,) = send(watched, "rides", [ABSURD * 1e6], first=HISTORY + 4)
    assert again.is_anomaly is True
    assert (again.event is not None) == again.alert, "none is open that it could join"


def test_an_event_that_is_cut_ends_with_what_is_left_of_it(watched: Account) -> None:
    first = send(watched, "rides", [ABSURD, ABSURD * 1e3, 10.0, ABSURD * 1e6])[0]
    erase(watched, HISTORY + 1, HISTORY + 10)
    (event,) = events_of(watched)
    assert (event.points, event.ended_at, event.peak_at) == (1, at(HISTORY), at(HISTORY))
    assert (event.peak_score, event.reason) == (first.score, first.reason)
    assert event.closed_at is not None


def test_after_the_newest_points_are_erased_the_next_anomaly_is_news(watched: Account) -> None:
    send(watched, "rides", [ABSURD, 10.0])
    erase(watched, HISTORY + 1, None)
    assert watched.find("rides").watch is None
    (verdict,) = send(watched, "rides", [ABSURD], first=HISTORY + 1)
    assert verdict.is_anomaly is verdict.alert is True
    assert [event.closed_at is None for event in events_of(watched)] == [False, True]


def test_erasing_older_points_leaves_the_event_open(watched: Account) -> None:
    (first,) = send(watched, "rides", [ABSURD])
    before = watched.find("rides").watch
    erase(watched, None, 10)
    assert watched.find("rides").watch == before
    (second,) = send(watched, "rides", [ABSURD * 1e6], first=HISTORY + 1)
    assert (second.alert, second.event) == (False, first.event)


def test_a_removed_series_takes_its_events_along(watched: Account) -> None:
    send(watched, "rides", [ABSURD])
    (event,) = events_of(watched)
    series_actions.remove(watched.parts, watched.id, "rides")
    assert events_of(watched) == []
    with pytest.raises(NotFound):
        history.event(watched.parts, watched.id, ulid(event.id))


# What is listed


def test_pages_of_events_lose_and_repeat_nothing(account: Account) -> None:
    for name in ("a", "b"):
        begin(account, name)
    for first in range(HISTORY, HISTORY + 3 * (QUIET + 1), QUIET + 1):
        for name in ("a", "b"):
            send(account, name, [ABSURD * 10.0 ** (first / 50), *usual(QUIET)], first)
    everything = events_of(account)[::-1]
    assert len(everything) == 6
    seen: list[Event] = []
    after = None
    while len(seen) < 6:
        asked = WantedEvents(after=after, limit=1)
        (one,) = history.events_page(account.parts, account.id, None, asked)
        seen.append(one)
        after = (one.started_at, one.id)
    assert seen == everything
    of_a = [event for event in everything if event.series == "a"]
    assert events_of(account, "a")[::-1] == of_a
    span = {"start": of_a[1].started_at, "end": of_a[0].started_at}
    assert events_of(account, "a", **span) == [of_a[1]]
    assert to_ns(of_a[0].started_at) == START_NS + (HISTORY + 2 * (QUIET + 1)) * MINUTE_NS
