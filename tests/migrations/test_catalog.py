"""The walls between tenants, read off the catalog: a new table cannot be added without them."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.conftest import Installed

ROLES = ("tocsin_server", "tocsin_operator", "tocsin_jobs")

TENANT_TABLES = """
    WITH tenant_tables AS (
        SELECT c.oid, c.relname, c.relispartition, c.relrowsecurity, c.relforcerowsecurity, a.attnum
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
        WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace)
"""
RULES = {
    "row security is enabled and forced": TENANT_TABLES
    + "SELECT relname FROM tenant_tables WHERE NOT (relrowsecurity AND relforcerowsecurity)",
    "the tenant's policy is the only one that lets the server write": TENANT_TABLES
    + """SELECT relname FROM tenant_tables WHERE NOT relispartition AND (
        SELECT array_agg(policyname::text) FROM pg_policies
        WHERE tablename = relname AND cmd <> 'SELECT') IS DISTINCT FROM ARRAY['tenant']""",
    "the tenant's policy compares tenant_id with the setting": TENANT_TABLES
    + """SELECT relname FROM tenant_tables WHERE NOT relispartition AND NOT EXISTS (
        SELECT FROM pg_policies WHERE tablename = relname AND policyname = 'tenant'
        AND cmd = 'ALL' AND permissive = 'PERMISSIVE' AND roles = '{tocsin_server}'
        AND with_check IS NULL AND regexp_replace(qual, '::text|\\s| AS "nullif"', '', 'g') =
        '(tenant_id=(SELECT(NULLIF(current_setting(''app.tenant_id'',true),''''))::uuid))')""",
    "the setting is looked up once a statement, not once a row": """
        SELECT tablename FROM pg_policies WHERE policyname = 'tenant' AND qual NOT LIKE
        '%%= ( SELECT (NULLIF(current_setting(''app.tenant_id''%%'""",
    "the owner reads all of it, for a backup, only when it says so": """
        SELECT relname FROM pg_class c WHERE relkind IN ('r', 'p') AND NOT relispartition
        AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'
        AND NOT EXISTS (SELECT FROM pg_policies WHERE tablename = relname
            AND policyname = 'owner_reads' AND cmd = 'SELECT'
            AND roles = ARRAY[pg_get_userbyid(c.relowner)]
            AND qual = '(current_setting(''app.owner_reads''::text, true) = ''on''::text)')""",
    "tenant_id leads the primary key": TENANT_TABLES
    + """SELECT relname FROM tenant_tables WHERE NOT EXISTS (
        SELECT FROM pg_constraint k WHERE k.conrelid = tenant_tables.oid AND k.contype = 'p'
        AND k.conkey[1] = attnum)""",
    "unique indexes carry tenant_id": TENANT_TABLES
    + """SELECT indexrelid::regclass::text FROM pg_index JOIN tenant_tables ON oid = indrelid
        WHERE indisunique AND attnum <> ALL (indkey::int2[])""",
    "foreign keys carry tenant_id": TENANT_TABLES
    + """SELECT conname FROM pg_constraint JOIN tenant_tables t ON t.oid = conrelid
        WHERE contype = 'f' AND attnum <> ALL (conkey)""",
    "every table belongs to tenants, is theirs, or is alembic's": """
        SELECT relname FROM pg_class c WHERE relkind IN ('r', 'p')
        AND relnamespace = 'public'::regnamespace AND relname NOT IN ('tenants', 'alembic_version')
        AND NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid AND attname = 'tenant_id')
        """,
    "nobody has rights on a partition": """
        SELECT relname FROM pg_class, unnest(%(roles)s::text[]) AS role,
            unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE}'::text[]) AS right_
        WHERE relispartition AND relkind <> 'i' AND has_table_privilege(role, oid, right_)""",
    "partitions have no policy, and so deny all": """
        SELECT relname FROM pg_policy JOIN pg_class c ON c.oid = polrelid WHERE relispartition""",
    "the roles can do nothing to tables but read and write rows": """
        SELECT relname FROM pg_class, unnest(%(roles)s::text[]) AS role
        WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace
        AND has_table_privilege(role, oid, 'TRUNCATE, REFERENCES, TRIGGER')""",
    "the roles have no power": """
        SELECT rolname FROM pg_roles WHERE rolname = ANY (%(roles)s)
        AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb)""",
    "what was audited is changed and removed by nobody, and read by the operator alone": """
        SELECT role || ' ' || right_ FROM unnest(%(roles)s::text[]) AS role,
            unnest('{SELECT,UPDATE,DELETE,TRUNCATE}'::text[]) AS right_
        WHERE (role, right_) <> ('tocsin_operator', 'SELECT')
        AND (has_table_privilege(role, 'audit', right_) OR (right_ IN ('SELECT', 'UPDATE')
            AND has_any_column_privilege(role, 'audit', right_)))""",
    "the server has the reading roles' rights only after SET ROLE": """
        SELECT rolname FROM pg_roles WHERE rolname = 'tocsin_server' AND rolinherit""",
    "no function runs as its owner": """
        SELECT proname FROM pg_proc WHERE prosecdef
        AND pronamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)""",
    "no view looks past row security": """
        SELECT relname FROM pg_class WHERE relkind IN ('v', 'm')
        AND relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)""",
}
BREACHES = {
    "row security is enabled and forced": "ALTER TABLE series NO FORCE ROW LEVEL SECURITY",
    "the tenant's policy is the only one that lets the server write": (
        "CREATE POLICY more ON series TO tocsin_server USING (true)"
    ),
    "the tenant's policy compares tenant_id with the setting": (
        "ALTER POLICY tenant ON series USING (true)"
    ),
    "the setting is looked up once a statement, not once a row": (
        "ALTER POLICY tenant ON tenants USING (id = current_setting('app.tenant_id')::uuid)"
    ),
    "the owner reads all of it, for a backup, only when it says so": (
        "CREATE TABLE bad (tenant_id uuid)"
    ),
    "tenant_id leads the primary key": "CREATE TABLE bad (id uuid PRIMARY KEY, tenant_id uuid)",
    "unique indexes carry tenant_id": "CREATE UNIQUE INDEX bad ON series (id)",
    "foreign keys carry tenant_id": (
        "CREATE TABLE bad (tenant_id uuid, key uuid REFERENCES tenants (id))"
    ),
    "every table belongs to tenants, is theirs, or is alembic's": "CREATE TABLE bad (id uuid)",
    "nobody has rights on a partition": "GRANT SELECT ON points_2024 TO tocsin_operator",
    "partitions have no policy, and so deny all": (
        "CREATE POLICY bad ON points_2024 TO tocsin_server USING (true)"
    ),
    "the roles can do nothing to tables but read and write rows": (
        "GRANT TRUNCATE ON series TO tocsin_server"
    ),
    "what was audited is changed and removed by nobody, and read by the operator alone": (
        "GRANT UPDATE (details) ON audit TO tocsin_server"
    ),
    "the roles have no power": "ALTER ROLE tocsin_server BYPASSRLS",
    "the server has the reading roles' rights only after SET ROLE": (
        "ALTER ROLE tocsin_server INHERIT"
    ),
    "no function runs as its owner": (
        "CREATE FUNCTION bad() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'"
    ),
    "no view looks past row security": "CREATE VIEW bad AS SELECT * FROM series",
}


@pytest.fixture
def superuser(installed: Installed) -> Iterator[psycopg.Connection]:
    """In a transaction that is undone."""
    with psycopg.connect(installed.superuser_url) as connection:
        yield connection
        connection.rollback()


def breaches(connection: psycopg.Connection, rule: str) -> list[str]:
    return [row[0] for row in connection.execute(RULES[rule], {"roles": list(ROLES)})]


@pytest.mark.parametrize("rule", RULES)
def test_the_walls_stand(superuser: psycopg.Connection, rule: str) -> None:
    assert breaches(superuser, rule) == []


@pytest.mark.parametrize("rule", RULES)
def test_a_breach_in_the_walls_is_seen(superuser: psycopg.Connection, rule: str) -> None:
    superuser.execute(BREACHES[rule])
    assert breaches(superuser, rule)


@pytest.mark.parametrize("role", ROLES)
def test_a_partition_itself_cannot_be_read(superuser: psycopg.Connection, role: str) -> None:
    superuser.execute(f"SET LOCAL ROLE {role}")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        superuser.execute("SELECT FROM points_2024")
