"""The script that makes the database's owner in the Postgres container, run on a real server."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from app import embedded
from app.embedded import Installation

SCRIPT = Path(__file__).parents[2] / "deploy/postgres/owner.sh"
ODD = """o'd"d $HOME `id` $(id) \\'; \\q :password :'password' -- ä%"""

pytestmark = pytest.mark.skipif(shutil.which("psql") is None, reason="psql is not on this machine")


@pytest.fixture
def apart() -> Iterator[Installation]:
    """A server of its own, since the names of roles and databases are the cluster's."""
    with embedded.temporary() as servers:
        yield servers


def run(servers: Installation, secrets: Path) -> subprocess.CompletedProcess[str]:
    reached = conninfo_to_dict(servers.superuser_url)
    known = {"host": "PGHOST", "port": "PGPORT", "password": "PGPASSWORD", "user": "POSTGRES_USER"}
    return subprocess.run(
        ["sh", "-c", SCRIPT.read_text().replace("/run/secrets", str(secrets))],
        env={**os.environ, **{v: str(reached[k]) for k, v in known.items() if k in reached}},
        capture_output=True,
        text=True,
    )


def test_the_owner_gets_its_password_letter_by_letter_and_nothing_of_it_is_run(
    apart: Installation, tmp_path: Path
) -> None:
    (tmp_path / "owner_password").write_text(f"{ODD}\n")
    done = run(apart, tmp_path)
    assert done.returncode == 0, done.stderr
    with psycopg.connect(
        apart.superuser_url, user="tocsin_owner", password=ODD, dbname="tocsin"
    ) as connection:
        mine = "SELECT rolsuper, rolcreaterole FROM pg_roles WHERE rolname = current_user"
        assert connection.execute(mine).fetchone() == (False, True)
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(
            apart.superuser_url, user="tocsin_owner", password=f"{ODD} ", dbname="tocsin"
        )


def test_without_a_password_no_role_is_made(apart: Installation, tmp_path: Path) -> None:
    for content in (None, ""):
        if content is not None:
            (tmp_path / "owner_password").write_text(content)
        done = run(apart, tmp_path)
        assert done.returncode == 1
        assert "is missing or empty" in done.stderr
    with psycopg.connect(apart.superuser_url) as connection:
        made = "SELECT FROM pg_roles WHERE rolname = 'tocsin_owner'"
        assert connection.execute(made).fetchone() is None


def test_the_password_stands_on_no_command_line() -> None:
    commands = SCRIPT.read_text().partition("<<'SQL'")[0]
    assert "cat " not in commands
