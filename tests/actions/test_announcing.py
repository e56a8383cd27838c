"""What happens is told once, whichever way it happened, and what did not happen is not."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import event, text

from app.actions import announcing, deliveries, delivering, retention, training, webhooks
from app.actions import series as series_actions
from app.actions.parts import Parts
from app.api import shown
from app.api.messages import EventOpened
from app.store import events, jobs
from app.store.deliveries import Delivery
from app.store.events import Event, WantedEvents
from app.store.ids import ulid
from app.store.jobs import MOST_ATTEMPTS
from app.store.judging import Writes
from app.store.times import to_datetime
from app.web import messages

Account = Any
Floats = NDArray[np.float64]
START_NS, MINUTE_NS = 1_704_067_200_000_000_000, 60_000_000_000
HISTORY, QUIET = 100, 300
ABSURD = 9e6


def usual(n: int) -> Floats:
    return np.asarray(np.random.default_rng(5).normal(10.0, 1.0, size=n))


def troubled() -> Floats:
    """Two absurd values, far from each other, and a quiet end."""
    values = usual(2 * QUIET)
    values[5], values[6], values[QUIET] = ABSURD, ABSURD * 1e2, ABSURD * 1e6
    return values


@pytest.fixture
def watched(account: Account) -> Account:
    """With a series `rides` of 100 points, judged by the fallback, and a webhook."""
    account.listen()
    begin(account, "rides")
    return account


def begin(account: Account, name: str) -> None:
    account.make(name)
    account.upload(name, usual(HISTORY))


def send(account: Account, values: Any, name: str = "rides") -> None:
    first = account.find(name).points
    account.verdicts(name, values, range(first, first + len(values)))


def stored_events(account: Account) -> list[Event]:
    with account.parts.database.tenant(account.id) as connection:
        return events.page(connection, account.id, WantedEvents(limit=1_000))[::-1]


def story(account: Account, name: str = "rides") -> list[tuple[str, Any, Any]]:
    return [
        (one.type, one.data["event"]["start"], one.data["event"]["end"])
        for one in account.told("event.opened", "event.closed")
        if one.data["series"] == name
    ]


# Events


def test_an_event_is_told_when_it_opens_and_when_it_closes(watched: Account) -> None:
    send(watched, [ABSURD])
    [opened] = watched.told()
    [of] = stored_events(watched)
    assert opened.type == "event.opened"
    assert opened.data["event"]["end"] is None
    send(watched, [ABSURD * 1e3, *usual(QUIET)])
    _, closed = watched.told()
    assert closed.type == "event.closed"
    [of] = stored_events(watched)
    assert closed.data["event"]["points"] == of.points == 2
    assert closed.data["links"] == {
        "event": f"/v1/events/{ulid(of.id)}",
        "series": "/v1/series/rides",
    }
    assert closed.message_id != opened.message_id


def test_what_is_told_of_an_event_is_what_the_api_says_of_it(watched: Account) -> None:
    def api() -> Any:
        [of] = stored_events(watched)
        return shown.event(of)

    send(watched, [ABSURD])
    before = api()
    send(watched, [ABSURD * 1e3, *usual(QUIET)])
    opened, closed = (one.data["event"] for one in watched.told())
    for told, answered in ((opened, before), (closed, api())):
        del answered["feedback"]
        assert told == answered


@pytest.mark.parametrize("size", [1, 7, 2 * QUIET])
def test_it_is_told_the_same_whether_points_come_together_or_one_by_one(
    watched: Account, size: int
) -> None:
    values = troubled()
    for first in range(0, len(values), size):
        send(watched, values[first : first + size])
    starts = [shown.moment(one.started_at) for one in stored_events(watched)]
    ends = [shown.moment(one.ended_at) for one in stored_events(watched)]
    assert len(starts) == 2
    assert story(watched) == [
        ("event.opened", starts[0], None),
        ("event.closed", starts[0], ends[0]),
        ("event.opened", starts[1], None),
        ("event.closed", starts[1], ends[1]),
    ]


def test_asking_again_tells_nothing_again(watched: Account) -> None:
    for _ in range(2):
        watched.verdicts("rides", troubled(), range(HISTORY, HISTORY + 2 * QUIET))
    assert len(watched.told()) == 4


def test_points_that_go_back_with_their_transaction_tell_nothing(
    watched: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(Writes, "flush", fail)
        with pytest.raises(ZeroDivisionError):
            send(watched, [ABSURD])
    assert watched.told() == []
    send(watched, [ABSURD])
    assert [one.type for one in watched.told()] == ["event.opened"]


def test_a_late_point_and_a_first_score_tell_nothing(watched: Account) -> None:
    send(watched, [10.0])
    watched.verdicts("rides", [10.0], [HISTORY + 5])
    watched.verdicts("rides", [ABSURD], [HISTORY + 2])
    watched.train("rides")
    assert watched.told() == []


def test_a_series_that_is_removed_closes_its_event(watched: Account) -> None:
    send(watched, [ABSURD])
    series_actions.remove(watched.parts, watched.id, "rides")
    opened, closed = watched.told()
    assert closed.type == "event.closed"
    assert closed.data["event"]["id"] == opened.data["event"]["id"]
    assert closed.data["event"]["end"] == opened.data["event"]["start"]


def at(minute: int) -> Any:
    return to_datetime(START_NS + minute * MINUTE_NS)


@pytest.mark.parametrize("first", [HISTORY, HISTORY + 1])
def test_an_open_event_whose_points_are_erased_is_closed(watched: Account, first: int) -> None:
    """With its start, or with the newest point alone."""
    send(watched, [ABSURD, 10.0])
    series_actions.erase_points(watched.parts, watched.id, "rides", at(first), None)
    assert [one.type for one in watched.told()] == ["event.opened", "event.closed"]
    series_actions.erase_points(watched.parts, watched.id, "rides", None, None)
    assert len(watched.told()) == 2


def test_an_open_event_that_retention_erases_is_closed(watched: Account) -> None:
    send(watched, [ABSURD])
    series_actions.change(watched.parts, watched.id, "rides", {"retention_days": 1})
    retention._erase_oldest(watched.parts, watched.id, watched.find("rides").id)
    assert [one.type for one in watched.told()] == ["event.opened", "event.closed"]


# Its form


def test_each_message_is_as_the_document_describes_it(watched: Account) -> None:
    send(watched, [ABSURD, *usual(QUIET)])
    training.fail(watched.parts, watched.add_job("rides"), "it went wrong")
    hook = watched.listen(types=["event.opened"])
    with watched.parts.database.tenant(watched.id) as connection:
        announcing.webhook_disabled(connection, hook, "gone")
    deliveries.try_out(watched.parts, watched.id, str(hook.id))
    told = {one.type: one for one in watched.told()}
    assert messages.DECLARED["event.opened"] is EventOpened
    assert told.keys() == messages.DECLARED.keys()
    for type_, one in told.items():
        body = json.loads(delivering.written(type_, one.created_at, one.data))
        messages.DECLARED[type_].model_validate(body)


# Who listens


def test_each_webhook_is_told_what_it_wants_to_hear_of(account: Account) -> None:
    opened = account.listen(types=["event.opened"])
    closed = account.listen(types=["event.closed", "training.failed"])
    begin(account, "rides")
    send(account, [ABSURD, *usual(QUIET)])
    assert {(one.webhook_id, one.type) for one in account.told()} == {
        (opened.id, "event.opened"),
        (closed.id, "event.closed"),
    }


def test_a_neighbour_s_webhook_hears_nothing(watched: Account, alone: Parts) -> None:
    neighbour = watched.new_neighbour()
    theirs = "https://hook.invalid/theirs"
    webhooks.add(alone, neighbour, theirs, description="", types=["event.opened"])
    send(watched, [ABSURD])
    [told] = watched.told()
    assert told.tenant_id == watched.id


@contextmanager
def statements(parts: Parts) -> Iterator[list[str]]:
    """What SQLAlchemy asks; what every score asks goes past it, and is counted elsewhere."""
    found: list[str] = []

    def note(*given: Any) -> None:
        found.append(given[2])

    engine = parts.database.engine
    event.listen(engine, "before_cursor_execute", note)
    yield found
    event.remove(engine, "before_cursor_execute", note)


def test_where_nobody_listens_events_cost_no_statement_more(account: Account) -> None:
    """To open and to close an event took as many before there were webhooks."""
    begin(account, "rides")
    send(account, [10.0])
    with statements(account.parts) as asked:
        send(account, [11.0])
    assert asked == [one for one in asked if "webhook" not in one]
    usual_ones = len(asked)
    with statements(account.parts) as asked:
        send(account, [ABSURD])
    opening = [one for one in asked if "events" in one]
    assert [one.split()[0] for one in opening] == ["WITH", "INSERT"]  # close, begin
    assert len(asked) - len(opening) == usual_ones
    with statements(account.parts) as asked:
        send(account, usual(QUIET))
    closing = [one for one in asked if "events" in one]
    assert [one.split()[0] for one in closing] == ["SELECT", "WITH"]  # which is open, close
    assert not any("webhook_deliveries" in one for one in asked)


# Trainings


def claim_again(account: Account, job_id: Any) -> None:
    with account.parts.database.tenant(account.id) as connection:
        over = "UPDATE jobs SET lease_until = now() - interval '1 hour' WHERE id = :id"
        connection.execute(text(over), {"id": job_id})


def failed_of(account: Account) -> list[Delivery]:
    found: list[Delivery] = account.told("training.failed")
    return found


def test_a_training_that_fails_is_told(watched: Account) -> None:
    job = watched.add_job("rides")
    training.fail(watched.parts, job, "it went wrong")
    [told] = failed_of(watched)
    assert told.data == {
        "series": "rides",
        "job": {"id": str(job.id), "kind": "train", "attempt": 1, "error": "it went wrong"},
        "links": {"job": f"/v1/jobs/{job.id}", "series": "/v1/series/rides"},
    }
    training.fail(watched.parts, job, "once more")
    assert len(failed_of(watched)) == 1


def test_a_training_that_nobody_can_do_is_told_when_it_is_given_up(watched: Account) -> None:
    job = watched.add_job("rides")
    for _ in range(MOST_ATTEMPTS - 1):
        claim_again(watched, job.id)
        assert training.claim(watched.parts, watched.id, job.id) is not None
        assert failed_of(watched) == []
    claim_again(watched, job.id)
    for _ in range(2):
        assert training.claim(watched.parts, watched.id, job.id) is None
    [told] = failed_of(watched)
    assert told.data["job"]["attempt"] == MOST_ATTEMPTS
    assert "Every worker" in told.data["job"]["error"]


Ending = Callable[[Account], None]


def succeed(account: Account) -> None:
    account.train("rides")


def be_discarded(account: Account) -> None:
    job = account.add_job("rides", lease_s=-100.0)
    with account.parts.database.tenant(account.id) as connection:
        assert jobs.claim(connection, account.id, job.id, 60.0, trainings=4) is not None
    training.fail(account.parts, job, "too late")


def lose_its_series(account: Account) -> None:
    job = account.add_job("rides")
    series_actions.remove(account.parts, account.id, "rides")
    training.fail(account.parts, job, "There is no series rides")


@pytest.mark.parametrize("end", [succeed, be_discarded, lose_its_series])
def test_other_ends_of_a_training_are_not_told(watched: Account, end: Ending) -> None:
    end(watched)
    assert failed_of(watched) == []
