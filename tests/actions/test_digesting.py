"""Whatever is stored, replaced or erased, and by whom: digests stay what points and scores are."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from secrets import token_hex
from threading import Event
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from app.actions import digesting, retention, scoring, series
from app.actions.asked import Asked
from app.store import series as stored_series
from app.store.series import Series
from app.store.times import to_datetime
from tests.actions.conftest import MINUTE_NS, START_NS, Account, waves
from tests.store.digested import differing, recomputed, stored

N = 400  # a point a minute


def refuse_wrong(account: Account, of: Series) -> int:
    """-> how many digests are said to be right."""
    now = series.by_name(account.parts, account.id, of.name)
    with account.parts.database.tenant(account.id) as connection:
        found = stored(connection, now)
        assert differing(found, recomputed(connection, now)) == set()
    return len(found)


def at(minute: int) -> Any:
    return to_datetime(START_NS + minute * MINUTE_NS)


@pytest.fixture
def digested(account: Account) -> Series:
    """A series whose stretches are short, all of them digested; half of its points have scores."""
    of = account.make("rides", ("f0", "f1"))
    account.upload("rides", waves(N // 2, fields=2))
    account.verdicts("rides", waves(N // 2, fields=2, seed=1), range(N // 2, N))
    account.digest("rides")
    assert refuse_wrong(account, of) == N // 15
    return of


Write = Callable[[Account, str, int, int], object]
WRITES: dict[str, Write] = {
    "an upload": lambda a, of, first, n: a.upload(of, waves(n, fields=2, seed=first), first),
    "an upload that replaces": lambda a, of, first, n: a.upload(
        of, waves(n, fields=2, seed=first + 1), first, on_conflict="replace"
    ),
    "an upload behind the newest": lambda a, of, first, n: a.upload(
        of, waves(n, fields=2, seed=n), 2 * N + first
    ),
    "scores": lambda a, of, first, n: a.score(
        of, waves(n, fields=2, seed=first), range(first, first + n)
    ),
    "scores of what is stored": lambda a, of, first, n: a.score(
        of, waves(N // 2, fields=2)[first % 100 : first % 100 + n], first % 100 + np.arange(n)
    ),
    "scores that replace": lambda a, of, first, n: a.score(
        of, waves(n, fields=2, seed=n), range(first, first + n), is_replacing=True
    ),
    "scores behind the newest": lambda a, of, first, n: a.score(
        of, waves(n, fields=2, seed=n), range(3 * N + first, 3 * N + first + n)
    ),
    "an erasure": lambda a, of, first, n: series.erase_points(
        a.parts, a.id, of, at(first), at(first + n)
    ),
    "an erasure of the oldest": lambda a, of, first, _: series.erase_points(
        a.parts, a.id, of, None, at(first % 50)
    ),
    "an erasure of the newest": lambda a, of, first, _: series.erase_points(
        a.parts, a.id, of, at(N + first), None
    ),
}


@pytest.mark.parametrize("write", WRITES)
def test_digests_are_right_after(write: str, account: Account, digested: Series) -> None:
    WRITES[write](account, "rides", 100, 40)
    refuse_wrong(account, digested)
    account.digest("rides")
    assert refuse_wrong(account, digested) > 20


step = st.tuples(st.sampled_from([*WRITES, "digests"]), st.integers(0, N + 50), st.integers(1, 60))


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(step, min_size=2, max_size=7))
def test_digests_are_right_after_any_writes_in_any_order(
    account: Account, steps: list[tuple[str, int, int]]
) -> None:
    of = account.make(token_hex(8), ("f0", "f1"))
    account.upload(of.name, waves(60, fields=2))
    for what, first, n in steps:
        if what == "digests":
            account.digest(of.name)
        else:
            WRITES[what](account, of.name, first, n)
        refuse_wrong(account, of)
    account.digest(of.name)
    refuse_wrong(account, of)


def test_first_scores_of_a_training_are_in_the_digests(account: Account, digested: Series) -> None:
    account.train("rides")
    refuse_wrong(account, digested)
    account.digest("rides")
    assert refuse_wrong(account, digested) == N // 15


def test_points_that_are_not_kept_any_more_leave_the_digests_of_all_others(
    account: Account, digested: Series
) -> None:
    """Made once, as there are no more points: nothing is digested anew."""
    age = "SELECT extract(day FROM now() - :at)::int + 1"
    with account.parts.database.tenant(account.id) as connection:
        days = connection.scalar(text(age), {"at": at(0)})
    series.change(account.parts, account.id, "rides", {"retention_days": days})
    account.upload("rides", waves(30, fields=2), -2 * 1_440)
    account.digest("rides")
    before = account.find("rides").digested_until
    while retention.erase_some(account.parts):
        pass
    assert account.find("rides").first_at == at(0)
    assert account.find("rides").digested_until == before
    assert refuse_wrong(account, digested) == N // 15


def test_points_come_late_while_digests_are_made(account: Account, digested: Series) -> None:
    """Seconds beside the minutes of the others, in any order."""
    is_over = Event()

    def digest() -> None:
        while not is_over.is_set():
            digesting.make_some(account.parts, digested.tenant_id, digested.id)

    seconds = np.random.default_rng(0).permutation(N * 60)[:60]
    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(digest)
        try:
            for second in seconds.tolist():
                asked = Asked(
                    np.array([START_NS + second * 10**9 + 10**6]),
                    np.array([[100.0 + second, -second]]),
                    np.arange(1),
                    ("f0", "f1"),
                )
                scoring.score(account.parts, account.id, {"rides": asked})
                refuse_wrong(account, digested)
        finally:
            is_over.set()
        made.result()
    account.digest("rides")
    assert refuse_wrong(account, digested) == N // 15


def test_a_series_that_somebody_holds_is_left_to_another_turn(
    account: Account, digested: Series
) -> None:
    account.score("rides", waves(12, fields=2), range(20, 32), is_replacing=True)
    with account.parts.database.tenant(account.id) as connection:
        stored_series.lock_by_id(connection, account.id, digested.id)
        assert digesting.make_some(account.parts, account.id, digested.id) is False
    assert digesting.make_some(account.parts, account.id, digested.id) is True


def test_a_series_that_is_gone_has_no_next_chunk(account: Account, digested: Series) -> None:
    series.remove(account.parts, account.id, "rides")
    assert digesting.make_some(account.parts, account.id, digested.id) is False
