"""The newest anomalies are the newest, however far back they were found before."""

from sqlalchemy import text

from app.actions import history
from app.store import scores
from app.store.scores import Wanted
from app.store.series import Series
from tests.actions.conftest import Account

ADD = text("""
    INSERT INTO scores (tenant_id, series_id, timestamp, value, score, is_anomaly, threshold,
        expected, lower, upper, contributions, reason, model_version, backfilled)
    SELECT tenant_id, id, timestamptz '2024-01-01Z' + day * interval '1 day', '{1}', 1, true, 0.9,
        '{1}', '{0}', '{2}', '{1}', '', 1, false
    FROM series, unnest(CAST(:days AS integer[])) AS day WHERE id = :series
""")
ERASE = text("DELETE FROM scores WHERE timestamp > timestamptz '2024-01-01Z' + interval '5 days'")
FEW, MANY = Wanted(limit=3), Wanted(limit=5)


def asked(account: Account, wanted: Wanted) -> int:
    """How many are found; they are what the plain question finds."""
    with account.parts.database.tenant(account.id) as connection:
        plain = scores.anomalies(connection, account.id, None, wanted)
    found = history.anomalies(account.parts, account.id, None, wanted)
    assert [one.timestamp for one in found] == [one.timestamp for one in plain]
    return len(found)


def add(account: Account, of: Series, *days: int) -> None:
    with account.parts.database.tenant(account.id) as connection:
        connection.execute(ADD, {"series": of.id, "days": list(days)})


def test_the_newest_anomalies_are_found_after_newer_ones_came_and_after_these_went(
    account: Account,
) -> None:
    of = account.make("rides")
    assert asked(account, FEW) == 0
    add(account, of, -800, 1, 2, 3, 4)
    assert asked(account, FEW) == 3
    assert asked(account, MANY) == 5
    add(account, of, 10, 11, 12, 13, 14, 900)
    assert asked(account, FEW) == 3
    assert asked(account, MANY) == 5
    with account.parts.database.tenant(account.id) as connection:
        connection.execute(ERASE)
    assert asked(account, FEW) == 3
    assert asked(account, MANY) == 5
    add(account, of, -900)
    assert asked(account, Wanted(limit=6)) == 6


def test_who_asks_for_a_span_or_goes_on_is_not_kept_from_older_anomalies(account: Account) -> None:
    of = account.make("rides")
    add(account, of, -800, 1, 2, 3)
    assert asked(account, FEW) == 3
    with account.parts.database.tenant(account.id) as connection:
        (*_, last) = scores.anomalies(connection, account.id, None, FEW)
    assert asked(account, Wanted(limit=3, after=(last.timestamp, of.id))) == 1
    assert asked(account, Wanted(limit=3, end=last.timestamp)) == 1
