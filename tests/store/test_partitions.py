"""Years to come get a partition each; nothing is lost or seen twice on the way."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import chain
from uuid import UUID

import numpy as np
import psycopg
import pytest
from sqlalchemy import text

from app.detection import Points
from app.errors import Unavailable
from app.store import Database, migrations, partitions, points, series
from app.store.ids import new_id
from app.store.series import Series
from tests.conftest import Installed

NEXT_YEAR = datetime.now(UTC).year + 1
FAR_YEAR = 2041
DAY_NS = 86_400_000_000_000


@pytest.fixture
def apart(empty_database: Installed) -> Installed:
    """A database of its own, for its partitions are changed."""
    migrations.upgrade(empty_database.owner_url, empty_database.server_url)
    return empty_database


@pytest.fixture
def database(apart: Installed) -> Iterator[Database]:
    made = Database(apart.server_url, 2)
    yield made
    made.close()


@pytest.fixture
def superuser(apart: Installed) -> Iterator[psycopg.Connection]:
    with psycopg.connect(apart.superuser_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def owner(apart: Installed) -> Iterator[psycopg.Connection]:
    options = partitions.SESSION_OPTIONS
    with psycopg.connect(apart.owner_url, autocommit=True, options=options) as connection:
        yield connection


@pytest.fixture
def of(database: Database, superuser: psycopg.Connection) -> Series:
    tenant_id: UUID = new_id()
    superuser.execute("INSERT INTO tenants VALUES (%s, 'slug', 'name')", [tenant_id])
    with database.tenant(tenant_id) as connection:
        return series.add(connection, tenant_id, "rides", fields=["value"])


def days_around_new_year(year: int) -> Points:
    start = np.datetime64(f"{year}-01-01", "ns").astype(np.int64)
    times = start + np.arange(-3, 370, dtype=np.int64) * DAY_NS
    return Points.checked(times, np.arange(len(times), dtype=float))


def rows_in(superuser: psycopg.Connection, table: str) -> int:
    row = superuser.execute(f"SELECT count(*) FROM ONLY {table}").fetchone()
    assert row
    return int(row[0])


def test_rows_of_a_new_years_partition_leave_the_default_one_and_stay_readable(
    database: Database, superuser: psycopg.Connection, owner: psycopg.Connection, of: Series
) -> None:
    far = days_around_new_year(FAR_YEAR)
    with database.tenant(of.tenant_id) as connection:
        points.add(connection, of, far)
    assert rows_in(superuser, "points_default") == len(far) == 373
    assert partitions.add_year(owner, "points", FAR_YEAR) is True
    assert rows_in(superuser, f"points_{FAR_YEAR}") == 365
    assert rows_in(superuser, "points_default") == 373 - 365
    with database.tenant(of.tenant_id) as connection:
        stored = points.newest(connection, of, 1_000)
    assert stored.times.tolist() == far.times.tolist()
    assert stored.values.tolist() == far.values.tolist()


def test_a_partition_is_made_once(owner: psycopg.Connection) -> None:
    assert partitions.add_year(owner, "points", FAR_YEAR) is True
    assert partitions.add_year(owner, "points", FAR_YEAR) is False


@pytest.mark.parametrize("table", partitions.TABLES)
def test_a_new_partition_is_as_the_migrations_make_them(
    superuser: psycopg.Connection, owner: psycopg.Connection, table: str
) -> None:
    partitions.add_year(owner, table, FAR_YEAR)
    facts = (
        "SELECT relrowsecurity, relforcerowsecurity, relacl::text, relowner, relispartition, "
        "(SELECT array_agg(replace(pg_get_indexdef(indexrelid), oid::regclass::text, '') "
        "ORDER BY 1) FROM pg_index WHERE indrelid = oid), "
        "(SELECT count(*) FROM pg_inherits JOIN pg_index ON inhrelid = indexrelid "
        "WHERE indrelid = oid) FROM pg_class WHERE relname = %s"
    )
    new = superuser.execute(facts, [f"{table}_{FAR_YEAR}"]).fetchone()
    old = superuser.execute(facts, [f"{table}_2024"]).fetchone()
    assert new == old
    assert new is not None
    assert new[0] is new[1] is new[4] is True


def test_the_default_partition_denies_all_again_afterwards(
    superuser: psycopg.Connection, owner: psycopg.Connection
) -> None:
    partitions.add_year(owner, "scores", FAR_YEAR)
    row = superuser.execute(
        "SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE relname = 'scores_default'"
    ).fetchone()
    assert row == (True, True)


def test_many_upkeeps_at_once_make_each_partition_once(
    apart: Installed, superuser: psycopg.Connection, of: Series, database: Database
) -> None:
    with database.tenant(of.tenant_id) as connection:
        points.add(connection, of, days_around_new_year(NEXT_YEAR))
    for table in partitions.TABLES:
        superuser.execute(f"DROP TABLE {table}_{NEXT_YEAR}")
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(partitions.add_coming_years, [apart.owner_url] * 4))
    assert sorted(chain(*made)) == [f"{table}_{NEXT_YEAR}" for table in partitions.TABLES]
    assert partitions.add_coming_years(apart.owner_url) == []


def test_a_year_that_cannot_be_made_now_is_put_off_and_blocks_nobody(
    apart: Installed, superuser: psycopg.Connection, of: Series, database: Database
) -> None:
    superuser.execute(f"DROP TABLE points_{NEXT_YEAR}")
    with database.tenant(of.tenant_id) as connection:
        connection.execute(text("SELECT count(*) FROM points"))
        with pytest.raises(Unavailable):
            partitions.add_coming_years(apart.owner_url)
        connection.execute(text("SELECT count(*) FROM points"))
    assert partitions.add_coming_years(apart.owner_url) == [f"points_{NEXT_YEAR}"]


def test_an_owner_without_the_right_is_put_off_too(apart: Installed) -> None:
    """Upkeep has other work, and must not end over it."""
    year_gone = apart.server_url
    with psycopg.connect(apart.owner_url, autocommit=True) as connection:
        connection.execute(f"DROP TABLE points_{NEXT_YEAR}")
    with pytest.raises(Unavailable):
        partitions.add_coming_years(year_gone)
