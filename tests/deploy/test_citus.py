"""The tables can be spread over a Citus cluster by tenant: every key allows it."""

import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.conftest import Installed

SQL = (Path(__file__).parents[2] / "deploy/citus.sql").read_text()
WHOLE = re.findall(r"create_reference_table\('(\w+)'\)", SQL)
SPREAD = re.findall(r"create_distributed_table\('(\w+)', 'tenant_id'", SQL)
ALTER_POLICIES = re.findall(r"SELECT format\([^;]+'ALTER POLICY[^;]+(?= \\gexec)", SQL)
POLICIES = "SELECT tablename, qual FROM pg_policies WHERE policyname = 'tenant'"
TABLES = """
    SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition
    AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'
"""
# Citus cannot hold what is unique, or points to another table, across its workers.
UNIQUE = """
    SELECT indexrelid::regclass::text FROM pg_index WHERE indisunique
    AND indrelid = ANY (%(spread)s::regclass[]) AND NOT EXISTS (
        SELECT FROM pg_attribute WHERE attrelid = indrelid AND attname = 'tenant_id'
        AND attnum = ANY (indkey::int2[]))
"""
POINTING = """
    SELECT conname FROM pg_constraint c WHERE contype = 'f' AND conparentid = 0
    AND conrelid = ANY (%(spread)s::regclass[]) AND confrelid <> ALL (%(whole)s::regclass[])
    AND NOT EXISTS (
        SELECT FROM unnest(conkey, confkey) AS pair (mine, theirs)
        JOIN pg_attribute a ON a.attrelid = conrelid AND a.attnum = mine
        JOIN pg_attribute b ON b.attrelid = confrelid AND b.attnum = theirs
        WHERE a.attname = 'tenant_id' AND b.attname = 'tenant_id')
"""
POINTING_AWAY = """
    SELECT conname FROM pg_constraint WHERE contype = 'f'
    AND conrelid = ANY (%(whole)s::regclass[]) AND confrelid <> ALL (%(whole)s::regclass[])
"""
BREACHES = {
    UNIQUE: "ALTER TABLE series ADD CONSTRAINT unique_everywhere UNIQUE (id)",
    POINTING: (
        "ALTER TABLE series ADD CONSTRAINT unique_everywhere UNIQUE (id); "
        "ALTER TABLE jobs ADD FOREIGN KEY (series_id) REFERENCES series (id) NOT VALID"
    ),
    POINTING_AWAY: (
        "ALTER TABLE series ADD CONSTRAINT unique_everywhere UNIQUE (id); "
        "ALTER TABLE tenants ADD FOREIGN KEY (id) REFERENCES series (id) NOT VALID"
    ),
}


@pytest.fixture
def superuser(installed: Installed) -> Iterator[psycopg.Connection]:
    with psycopg.connect(installed.superuser_url) as connection:
        yield connection
        connection.rollback()


def found(connection: psycopg.Connection, query: str) -> list[str]:
    rows = connection.execute(query, {"spread": SPREAD, "whole": WHOLE})
    return [row[0] for row in rows]


def test_each_table_is_spread_or_whole(superuser: psycopg.Connection) -> None:
    assert sorted(SPREAD + WHOLE) == sorted(row[0] for row in superuser.execute(TABLES))


def test_policies_compare_the_same_without_the_subqueries_that_citus_refuses(
    superuser: psycopg.Connection,
) -> None:
    (alter,) = ALTER_POLICIES
    for (statement,) in superuser.execute(alter).fetchall():
        superuser.execute(statement)
    for table, condition in superuser.execute(POLICIES):
        identity = "id" if table in WHOLE else "tenant_id"
        setting = "NULLIF(current_setting('app.tenant_id'::text, true), ''::text)"
        assert condition == f"({identity} = ({setting})::uuid)"


@pytest.mark.parametrize("rule", BREACHES, ids=["unique", "pointing", "pointing away"])
def test_every_key_allows_it(superuser: psycopg.Connection, rule: str) -> None:
    assert found(superuser, rule) == []


@pytest.mark.parametrize("rule", BREACHES, ids=["unique", "pointing", "pointing away"])
def test_a_key_that_does_not_is_seen(superuser: psycopg.Connection, rule: str) -> None:
    superuser.execute(BREACHES[rule])
    assert found(superuser, rule)
