"""The schema comes and goes by migrations, and what the queries see is what they made."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from sqlalchemy import create_engine

from app import embedded
from app.errors import Misconfigured, Unavailable
from app.store import Database, migrations
from app.store.tables import metadata
from tests.conftest import Installed

ROOT = Path(__file__).parents[2]
Rows = list[tuple[object, ...]]

COLUMNS = """
    SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
           pg_get_expr(d.adbin, d.adrelid), l.collname
    FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    LEFT JOIN pg_collation l ON l.oid = a.attcollation
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
      AND NOT c.relispartition AND c.relname <> 'alembic_version'
    ORDER BY 1, 2"""
INDEXES = """
    SELECT c.relname, pg_get_indexdef(c.oid) FROM pg_class c
    JOIN pg_index i ON i.indexrelid = c.oid JOIN pg_class t ON t.oid = i.indrelid
    WHERE t.relnamespace = 'public'::regnamespace AND NOT t.relispartition
      AND t.relname <> 'alembic_version'
    ORDER BY 1"""
CONSTRAINTS = """
    SELECT t.relname, c.conname, pg_get_constraintdef(c.oid) FROM pg_constraint c
    JOIN pg_class t ON t.oid = c.conrelid
    WHERE t.relnamespace = 'public'::regnamespace AND NOT t.relispartition
      AND c.contype IN ('p', 'u', 'f') AND t.relname <> 'alembic_version'
    ORDER BY 1, 2"""
PARTITION_KEYS = """
    SELECT partrelid::regclass::text, pg_get_partkeydef(partrelid) FROM pg_partitioned_table
    ORDER BY 1"""
RIGHTS = """
    SELECT table_name, grantee, privilege_type FROM information_schema.role_table_grants
    WHERE table_schema = 'public' AND grantee LIKE 'tocsin\\_%'
      AND grantee <> 'tocsin_test_owner' ORDER BY 1, 2, 3"""
POLICIES = "SELECT tablename, policyname, roles, cmd, qual FROM pg_policies ORDER BY 1, 2"
EVERYTHING = (COLUMNS, INDEXES, CONSTRAINTS, PARTITION_KEYS, RIGHTS, POLICIES)


def catalog(url: str, query: str) -> Rows:
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()


def tables(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
        )
        return [row[0] for row in rows]


def migrate(database: Installed) -> None:
    migrations.upgrade(database.owner_url, database.server_url)


def test_up_down_and_up_again_gives_the_same_schema(empty_database: Installed) -> None:
    migrate(empty_database)
    before = [catalog(empty_database.owner_url, query) for query in EVERYTHING]
    migrations.downgrade(empty_database.owner_url, "base")
    assert tables(empty_database.owner_url) == ["alembic_version"]
    migrate(empty_database)
    assert [catalog(empty_database.owner_url, query) for query in EVERYTHING] == before


@pytest.mark.parametrize("query", [COLUMNS, INDEXES, CONSTRAINTS, PARTITION_KEYS])
def test_the_tables_that_queries_see_are_those_that_migrations_make(
    installed: Installed, empty_database: Installed, query: str
) -> None:
    engine = create_engine(empty_database.owner_url.replace("postgresql:", "postgresql+psycopg:"))
    metadata.create_all(engine)
    engine.dispose()
    migrated = catalog(installed.owner_url, query)
    assert migrated
    assert catalog(empty_database.owner_url, query) == migrated


def test_migrating_twice_changes_nothing(empty_database: Installed) -> None:
    migrate(empty_database)
    before = [catalog(empty_database.owner_url, query) for query in EVERYTHING]
    migrate(empty_database)
    assert [catalog(empty_database.owner_url, query) for query in EVERYTHING] == before


SCORE = """
    INSERT INTO {} (tenant_id, series_id, timestamp, value, score, is_anomaly, threshold, expected,
        lower, upper, contributions, reason, model_version, backfilled)
    SELECT tenant_id, id, '2024-05-01Z', '{{1}}', 0.5, true, 0.9, '{{1}}', '{{0}}', '{{2}}',
        '{{1}}', '', 1, false FROM series"""
OLD_ROWS = (
    "INSERT INTO tenants (id, slug, name) VALUES (gen_random_uuid(), 'old', '')",
    "INSERT INTO series (tenant_id, id, name, fields) "
    "SELECT id, gen_random_uuid(), 'rides', '{value}' FROM tenants WHERE slug = 'old'",
    SCORE.format("scores"),
    SCORE.format("replaced_scores"),
)


def test_rows_from_before_events_stay_valid_and_outlive_a_downgrade(
    empty_database: Installed,
) -> None:
    owner = empty_database.owner_url
    migrations.upgrade(owner, empty_database.server_url, "0001")
    with psycopg.connect(_as_superuser(empty_database)) as superuser:
        for statement in OLD_ROWS:
            superuser.execute(statement)
    migrations.upgrade(owner, empty_database.server_url, "0002")
    with psycopg.connect(_as_superuser(empty_database)) as superuser:
        for table in ("scores", "replaced_scores"):
            marks = superuser.execute(f"SELECT alert, event FROM {table}").fetchall()
            assert marks == [(False, None)], table
        assert superuser.execute("SELECT watch FROM series").fetchall() == [(None,)]
        superuser.execute(
            "INSERT INTO events SELECT tenant_id, gen_random_uuid(), series_id, timestamp, "
            "timestamp, NULL, score, timestamp, 1, reason, model_version FROM scores"
        )
    migrations.downgrade(owner, "0001")
    assert "events" not in tables(owner)
    with psycopg.connect(_as_superuser(empty_database)) as superuser:
        for table in ("scores", "replaced_scores", "series"):
            assert superuser.execute(f"SELECT count(*) FROM {table}").fetchall() == [(1,)]


def test_growth_of_series_that_have_a_model_counts_from_what_they_hold(
    empty_database: Installed,
) -> None:
    owner = empty_database.owner_url
    migrations.upgrade(owner, empty_database.server_url, "0002")
    with psycopg.connect(_as_superuser(empty_database)) as superuser:
        for statement in OLD_ROWS[:2]:
            superuser.execute(statement)
        superuser.execute("UPDATE series SET points = 900, last_at = '2024-05-01Z'")
        superuser.execute(
            "INSERT INTO series (tenant_id, id, name, fields, points, last_at, last_version) "
            "SELECT tenant_id, gen_random_uuid(), 'known', fields, points, last_at, 1 FROM series"
        )
    migrations.upgrade(owner, empty_database.server_url, "0003")
    with psycopg.connect(_as_superuser(empty_database)) as superuser:
        tried = superuser.execute(
            "SELECT name, tried_points, tried_to_at = last_at FROM series ORDER BY name"
        )
        assert tried.fetchall() == [("known", 900, True), ("rides", 0, None)]
    migrations.downgrade(owner, "0002")
    with psycopg.connect(_as_superuser(empty_database)) as superuser:
        assert superuser.execute("SELECT count(*) FROM series").fetchall() == [(2,)]


def test_keys_from_before_rotation_stay_valid_and_outlive_a_downgrade(
    empty_database: Installed,
) -> None:
    owner = empty_database.owner_url
    migrations.upgrade(owner, empty_database.server_url, "0003")
    with psycopg.connect(_as_superuser(empty_database)) as superuser:
        superuser.execute(OLD_ROWS[0])
        superuser.execute(
            "INSERT INTO api_keys (tenant_id, id, name, scopes, secret_hash) "
            "SELECT id, 'a', '', '{read}', '\\x01' FROM tenants WHERE slug = 'old'"
        )
    migrations.upgrade(owner, empty_database.server_url, "0004")
    with psycopg.connect(_as_superuser(empty_database)) as superuser:
        rows = superuser.execute("SELECT previous_hash, previous_until FROM api_keys").fetchall()
        assert rows == [(None, None)]
        superuser.execute(
            "INSERT INTO audit (tenant_id, id, action, actor_kind) "
            "SELECT tenant_id, tenant_id, 'key.created', 'cli' FROM api_keys"
        )
    migrations.downgrade(owner, "0003")
    assert "audit" not in tables(owner)
    with psycopg.connect(_as_superuser(empty_database)) as superuser:
        assert superuser.execute("SELECT id FROM api_keys").fetchall() == [("a",)]


def test_migrating_from_many_hosts_at_once_is_harmless(empty_database: Installed) -> None:
    program = "import sys; from app.store import migrations; migrations.upgrade(*sys.argv[1:])"
    urls = (empty_database.owner_url, empty_database.server_url)
    hosts = [subprocess.Popen([sys.executable, "-c", program, *urls], cwd=ROOT) for _ in range(3)]
    assert [host.wait() for host in hosts] == [0, 0, 0]
    assert "points" in tables(empty_database.owner_url)


def test_the_revision_is_none_before_and_the_newest_after(empty_database: Installed) -> None:
    database = Database(empty_database.server_url, 1)
    with database.plain() as connection:
        assert migrations.current_revision(connection) is None
    migrate(empty_database)
    with database.plain() as connection:
        assert migrations.current_revision(connection) == migrations.newest_revision()
    database.close()


def test_a_migration_that_cannot_get_its_lock_is_unavailable(empty_database: Installed) -> None:
    migrate(empty_database)
    with psycopg.connect(empty_database.owner_url) as reader:
        reader.execute("SELECT FROM jobs")
        with pytest.raises(Unavailable):
            migrations.downgrade(empty_database.owner_url, "base")
    assert "jobs" in tables(empty_database.owner_url)


def test_a_superuser_is_refused_as_owner(installed: Installed) -> None:
    with pytest.raises(Misconfigured, match="TOCSIN_OWNER_DATABASE_URL"):
        migrations.upgrade(_as_superuser(installed), installed.server_url)


def test_the_servers_url_must_name_the_servers_role(own_cluster: str) -> None:
    with pytest.raises(Misconfigured, match="must be tocsin_server, not somebody"):
        migrations.ensure_roles(_owner(own_cluster, "CREATEROLE"), "postgresql://somebody@h/d")


def test_an_owner_that_may_not_make_roles_is_told_so(own_cluster: str) -> None:
    with pytest.raises(Misconfigured, match=r"tocsin_server.*CREATEROLE"):
        migrations.ensure_roles(_owner(own_cluster, "NOCREATEROLE"), None)


def test_an_owner_that_may_not_make_roles_can_use_those_that_a_dba_made(own_cluster: str) -> None:
    with psycopg.connect(own_cluster) as connection:
        for role in (migrations.SERVER_ROLE, *migrations.READING_ROLES):
            connection.execute(f"CREATE ROLE {role}")
    migrations.upgrade(_owner(own_cluster, "NOCREATEROLE"), None)


@pytest.fixture
def own_cluster() -> Iterator[str]:
    """A cluster in which nobody has made roles yet; its superuser's URL."""
    with embedded.temporary() as cluster:
        yield cluster.superuser_url


def _owner(superuser_url: str, right: str) -> str:
    with psycopg.connect(superuser_url) as connection:
        connection.execute(f"CREATE ROLE someone LOGIN PASSWORD 'only-for-tests' {right}")
        connection.execute("GRANT ALL ON SCHEMA public TO someone")
    parts = urlsplit(superuser_url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"someone:only-for-tests@{host}"))


def _as_superuser(installed: Installed) -> str:
    return installed.superuser_url
