"""A verdict depends on the model and on the points before it, and on nothing else."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import SecretStr
from redis import Redis

from app.actions.memory import SeriesMemory
from app.actions.parts import assemble
from app.cache import windows
from app.errors import Conflict, ModelNotReady, NotFound
from app.settings import Settings
from app.store import points as stored_points
from app.store import scores
from app.store.scores import Score, Wanted
from tests.service import free_port

Account = Any
HISTORY, NEW = 300, 45
FACTS = (
    "timestamp",
    "value",
    "score",
    "is_anomaly",
    "threshold",
    "expected",
    "lower",
    "upper",
    "contributions",
    "reason",
    "model_version",
)


def facts(verdicts: list[Score]) -> list[str]:
    """All that makes a verdict, every digit of it."""
    return [repr([getattr(verdict, name) for name in FACTS]) for verdict in verdicts]


def waves(n: int, fields: int) -> NDArray[np.float64]:
    noise = np.random.default_rng(3).normal(size=(n, fields))
    values = 10 * np.sin(np.arange(n)[:, None] / 20) + noise
    values[HISTORY + 20] += 50
    values[HISTORY + 30] = np.nan
    return np.asarray(values)


def ready(account: Account, name: str, fields: int = 1, is_trained: bool = True) -> Any:
    """A series with a history and, if wanted, a model; the same one for every name."""
    names = ("value",) if fields == 1 else tuple(f"f{i}" for i in range(fields))
    account.make(name, names)
    account.upload(name, waves(HISTORY + NEW, fields)[:HISTORY])
    if is_trained:
        account.train(name)
    return waves(HISTORY + NEW, fields)[HISTORY:]


def one_by_one(
    account: Account, name: str, new: Any, between: Callable[[int], object]
) -> list[str]:
    got = []
    for i in range(len(new)):
        between(i)
        got += account.verdicts(name, new[i], [HISTORY + i])
    return facts(got)


@pytest.mark.parametrize(("fields", "is_trained"), [(1, True), (3, True), (1, False)])
def test_one_at_a_time_is_in_batches_is_after_a_flush_is_after_a_restart(
    account: Account,
    own_redis: "Redis",
    alone_settings: Settings,
    fields: int,
    is_trained: bool,
) -> None:
    new = ready(account, "batch", fields, is_trained)
    expected = facts(account.verdicts("batch", new, range(HISTORY, HISTORY + NEW)))

    ready(account, "single", fields, is_trained)
    assert one_by_one(account, "single", new, lambda _: None) == expected

    ready(account, "mixed", fields, is_trained)
    got, begin = [], 0
    for size in (1, 7, 2, 20, 1, 14):
        part = slice(begin, begin + size)
        places = range(HISTORY + begin, HISTORY + begin + size)
        got += account.verdicts("mixed", new[part], places)
        begin += size
    assert facts(got) == expected

    ready(account, "flushed", fields, is_trained)
    flush = [3, 4, 30]
    emptied = one_by_one(
        account, "flushed", new, lambda i: own_redis.flushdb() if i in flush else None
    )
    assert emptied == expected

    ready(account, "restarted", fields, is_trained)
    before = account.parts

    def restart(i: int) -> None:
        if i % 20 == 5:
            account.parts = assemble(alone_settings)

    assert one_by_one(account, "restarted", new, restart) == expected
    account.parts = before


def test_without_redis_scores_are_the_same(account: Account, alone_settings: Settings) -> None:
    new = ready(account, "with")
    expected = facts(account.verdicts("with", new, range(HISTORY, HISTORY + NEW)))
    url = f"redis://127.0.0.1:{free_port()}/0"
    without = assemble(alone_settings.model_copy(update={"redis_url": SecretStr(url)}))
    account.parts = without
    new = ready(account, "without")
    got = facts(account.verdicts("without", new[:30], range(HISTORY, HISTORY + 30)))
    got += one_by_one_from(account, "without", new, 30)
    assert got == expected
    without.close()


def one_by_one_from(account: Account, name: str, new: Any, first: int) -> list[str]:
    got = []
    for i in range(first, len(new)):
        got += account.verdicts(name, new[i], [HISTORY + i])
    return facts(got)


def test_scoring_again_answers_what_is_stored(account: Account) -> None:
    new = ready(account, "rides")
    places = range(HISTORY, HISTORY + NEW)
    first = account.verdicts("rides", new, places)
    again = account.verdicts("rides", new[::-1], list(places)[::-1])
    assert repr(again[::-1]) == repr(first)
    assert account.find("rides").points == HISTORY + NEW


def test_a_late_point_is_judged_by_what_came_before_it(account: Account) -> None:
    new = ready(account, "in order")
    expected = facts(account.verdicts("in order", new[:20], range(HISTORY, HISTORY + 20)))
    ready(account, "late")
    account.verdicts("late", new[:5], range(HISTORY, HISTORY + 5))
    after = account.verdicts("late", new[6:20], range(HISTORY + 6, HISTORY + 20))
    late = account.verdicts("late", new[5], [HISTORY + 5])
    assert facts(late) == expected[5:6]
    stored = account.verdicts("late", new[6:20], range(HISTORY + 6, HISTORY + 20))
    assert repr(stored) == repr(after), "verdicts that were given stand"


def test_points_after_a_late_one_see_it(account: Account) -> None:
    new = ready(account, "in order")
    expected = facts(account.verdicts("in order", new[:20], range(HISTORY, HISTORY + 20)))
    ready(account, "late")
    account.verdicts("late", new[:5], range(HISTORY, HISTORY + 5))
    account.verdicts("late", new[6:10], range(HISTORY + 6, HISTORY + 10))
    account.verdicts("late", new[5], [HISTORY + 5])
    rest = account.verdicts("late", new[10:20], range(HISTORY + 10, HISTORY + 20))
    assert facts(rest) == expected[10:20]


def test_after_a_late_point_no_process_has_to_read_all_anew(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = ready(account, "in order")
    expected = facts(account.verdicts("in order", new[:20], range(HISTORY, HISTORY + 20)))
    ready(account, "late")
    other = elsewhere(account)
    for process, i in ((account, 0), (other, 1), (account, 3), (other, 4), (account, 2)):
        process.verdicts("late", new[i], [HISTORY + i])
    monkeypatch.setattr(stored_points, "newest", None)
    found = [
        process.verdicts("late", new[i], [HISTORY + i])
        for i, process in enumerate([other, account, other, other, account], 5)
    ]
    assert [facts(one)[0] for one in found] == expected[5:10]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_points_in_any_order_are_judged_alike_by_who_remembers_and_who_does_not(
    account: Account, seed: int
) -> None:
    """Each a little late or not, by two processes in turn; some replaced, far back too."""
    rng = np.random.default_rng(seed)
    order = np.argsort(np.arange(3 * NEW) + rng.normal(0, 4, 3 * NEW)).tolist()
    forgetful = elsewhere(account, memory=SeriesMemory(0))
    found = []
    for name, processes in (("kept", [account, elsewhere(account)]), ("read", [forgetful])):
        new = np.tile(ready(account, name), (3, 1))
        verdicts = []
        for turn, i in enumerate(order):
            process = processes[turn % len(processes)]
            verdicts += process.verdicts(name, new[i] + i / 1e3, [HISTORY + i])
            if turn % 16 == 9:
                at = HISTORY + int(rng.integers(-60, order[turn]))
                changed = process.score(name, [rng.normal()], [at], is_replacing=True)
                verdicts += changed.scores.values()
        rng = np.random.default_rng(seed)
        rng.normal(0, 4, 3 * NEW)
        found.append(facts(verdicts))
    assert found[0] == found[1]


def test_points_in_any_order_in_one_request_are_judged_in_time_order(account: Account) -> None:
    new = ready(account, "in order")
    expected = facts(account.verdicts("in order", new, range(HISTORY, HISTORY + NEW)))
    ready(account, "shuffled")
    order = np.random.default_rng(5).permutation(NEW)
    got = account.verdicts("shuffled", new[order], HISTORY + order)
    assert facts(got) == [expected[i] for i in order]


def test_many_at_once_scoring_one_point_store_it_once_and_answer_the_same(
    account: Account,
) -> None:
    new = ready(account, "rides")
    for i in range(10):
        with ThreadPoolExecutor(8) as pool:
            answers = list(
                pool.map(lambda _, i=i: account.verdicts("rides", new[i], [HISTORY + i]), range(8))
            )
        assert len({repr(answer) for answer in answers}) == 1
    assert account.find("rides").points == HISTORY + 10
    assert one_by_one_from(account, "rides", new[:10], 0) == facts(
        account.verdicts("rides", new[:10], range(HISTORY, HISTORY + 10))
    )


def test_many_at_once_scoring_different_points_lose_none(account: Account) -> None:
    new = ready(account, "rides")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: account.verdicts("rides", new[i], [HISTORY + i]), range(NEW)))
    of = account.find("rides")
    assert of.points == HISTORY + NEW
    assert of.revision >= 1  # some came late
    with account.parts.database.tenant(account.id) as connection:
        stored = scores.page(connection, of, Wanted(limit=1_000))
    assert [score.timestamp for score in stored[HISTORY:]] == sorted(
        score.timestamp for score in stored[HISTORY:]
    )
    assert len(stored) == HISTORY + NEW


def test_another_value_for_a_stored_point_is_refused_alone(account: Account) -> None:
    new = ready(account, "rides")
    first = account.verdicts("rides", new[:2], [HISTORY, HISTORY + 1])
    answer = account.score("rides", [new[0, 0], 777.0, new[2, 0]], range(HISTORY, HISTORY + 3))
    assert repr(answer.scores[0]) == repr(first[0])
    assert isinstance(answer.errors[1], Conflict)
    assert set(answer.scores) == {0, 2}


def test_two_values_for_one_time_in_one_request_keep_the_first(account: Account) -> None:
    ready(account, "rides")
    answer = account.score("rides", [1.0, 2.0], [HISTORY, HISTORY])
    assert answer.scores[0].value == [1.0]
    assert isinstance(answer.errors[1], Conflict)


def test_a_replaced_point_is_judged_anew_as_if_it_had_come_so(account: Account) -> None:
    new = ready(account, "direct")
    expected = facts(account.verdicts("direct", new[:10], range(HISTORY, HISTORY + 10)))
    ready(account, "replaced")
    account.verdicts("replaced", new[:9], range(HISTORY, HISTORY + 9))
    account.verdicts("replaced", [12345.0], [HISTORY + 9])
    answer = account.score("replaced", new[9], [HISTORY + 9], is_replacing=True)
    assert facts([answer.scores[0]]) == expected[9:]


def test_a_replaced_value_changes_what_later_points_see(account: Account) -> None:
    new = ready(account, "direct")
    expected = facts(account.verdicts("direct", new[:20], range(HISTORY, HISTORY + 20)))
    ready(account, "replaced")
    wrong = new[:10].copy()
    wrong[4] = -500.0
    account.verdicts("replaced", wrong, range(HISTORY, HISTORY + 10))
    account.score("replaced", new[4], [HISTORY + 4], is_replacing=True)
    rest = account.verdicts("replaced", new[10:20], range(HISTORY + 10, HISTORY + 20))
    assert facts(rest) == expected[10:]


def test_missing_series_and_too_short_ones_fail_alone(account: Account) -> None:
    account.make("short")
    account.upload("short", np.arange(11.0))
    answer = account.score("short", [1.0], [11])
    assert isinstance(answer.errors[0], ModelNotReady)
    assert account.find("short").points == 11
    with pytest.raises(NotFound):
        account.find("absent")


def test_from_twelve_points_on_the_fallback_answers_as_version_0(account: Account) -> None:
    account.make("short")
    account.upload("short", np.arange(12.0))
    assert account.verdicts("short", [1.0], [12])[0].model_version == 0


def test_the_next_point_finds_the_window_in_the_cache(account: Account) -> None:
    new = ready(account, "rides")
    account.verdicts("rides", new[:16], range(HISTORY, HISTORY + 16))
    of = account.find("rides")
    window = windows.get(account.parts.cache, account.id, of.id)
    assert window is not None
    assert (window.revision, window.points, window.version) == (of.revision, HISTORY + 16, 1)
    assert np.array_equal(window.state.recent.values[-16:], new[:16])


def elsewhere(account: Account, **parts: Any) -> Account:
    """The same tenant, asking a process that remembers nothing."""
    fresh = {"memory": SeriesMemory(10**8), **parts}
    return replace(account, parts=replace(account.parts, **fresh))


def test_processes_that_take_turns_answer_like_one(account: Account) -> None:
    """What the other stored meanwhile is read and gone on with, a late or a changed point too."""
    new = ready(account, "direct")
    order = [i for i in range(24) if i != 12]
    alone = [facts(account.verdicts("direct", new[i], [HISTORY + i]))[0] for i in order]
    ready(account, "shared")
    processes, found = [account, elsewhere(account), elsewhere(account)], []
    for i in order:
        process = processes[(0, 1, 1, 2, 0, 2)[i % 6]]
        found.append(facts(process.verdicts("shared", new[i], [HISTORY + i]))[0])
    assert found == alone
    for name in ("direct", "shared"):
        account.score(name, new[12], [HISTORY + 12])
        account.score(name, [-500.0], [HISTORY + 9], is_replacing=True)
    after_changes = [
        facts(process.verdicts(name, new[24], [HISTORY + 24]))
        for name, process in (("direct", elsewhere(account)), ("shared", processes[1]))
    ]
    assert after_changes[0] == after_changes[1]


def test_a_process_that_may_keep_nothing_answers_like_one_that_keeps_all(account: Account) -> None:
    found = []
    for name in ("kept", "forgotten"):
        new = ready(account, name)
        process = account if name == "kept" else elsewhere(account, memory=SeriesMemory(0))
        found.append([facts(process.verdicts(name, new[i], [HISTORY + i]))[0] for i in range(20)])
    assert found[0] == found[1]


def test_what_a_series_that_fell_out_of_memory_is_behind_is_read_as_it_is_locked(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = ready(account, "rides")
    account.verdicts("rides", new[:16], range(HISTORY, HISTORY + 16))
    account.verdicts("rides", new[16], [HISTORY + 16])  # of which Redis is not told
    process = elsewhere(account)
    monkeypatch.setattr(stored_points, "newest", None)
    assert process.verdicts("rides", new[17], [HISTORY + 17])[0].model_version == 1


def test_an_upload_of_many_points_is_not_gone_through_one_by_one(account: Account) -> None:
    new = ready(account, "rides")
    account.verdicts("rides", new[0], [HISTORY])
    history = np.concatenate([new[:1], np.tile(new[1:], (4, 1))])
    account.upload("rides", history[1:], HISTORY + 1)
    after = HISTORY + len(history)
    found = facts(account.verdicts("rides", [1.0], [after]))
    assert found == facts(account.verdicts("rides", [1.0], [after]))
    ready(account, "again")
    account.upload("again", history, HISTORY)
    assert facts(elsewhere(account).verdicts("again", [1.0], [after])) == found


def test_a_window_too_short_for_a_new_model_is_not_taken_for_its_past(
    account: Account, own_redis: "Redis"
) -> None:
    """Training changes no point, so the fallback's window is still of the current revision."""
    answers = []
    for name in ("kept", "flushed"):
        new = ready(account, name, is_trained=False)
        account.verdicts(name, new[0], [HISTORY])
        account.train(name)
        if name == "flushed":
            own_redis.flushdb()
        answers.append(facts(account.verdicts(name, new[1:30], range(HISTORY + 1, HISTORY + 30))))
    assert answers[0] == answers[1]


def test_a_process_that_missed_points_of_a_training_judges_by_it_like_the_others(
    account: Account,
) -> None:
    """What stood out among them is the training's to know, and not to be remembered beside it."""
    answers = []
    for name, other in (("direct", account), ("shared", elsewhere(account))):
        new = ready(account, name)
        account.verdicts(name, new[:20], range(HISTORY, HISTORY + 20))
        other.verdicts(name, new[20], [HISTORY + 20])  # which is absurd
        account.train(name)
        answers.append(facts(account.verdicts(name, new[21:], range(HISTORY + 21, HISTORY + NEW))))
    assert answers[0] == answers[1]
