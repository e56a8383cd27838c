"""What the two servers are like; one supervisor for all of these, which end nothing."""

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest
import redis
import sqlalchemy


@pytest.fixture(scope="module")
def urls(shared_folder: Any) -> Iterator[dict[str, Any]]:
    with shared_folder.start() as running:
        yield running.up()


def ask(url: str, query: LiteralString) -> tuple[Any, ...] | None:
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchone()


def sockets(urls: dict[str, Any]) -> Path:
    return Path(str(psycopg.conninfo.conninfo_to_dict(urls["owner"])["host"]))


def test_the_urls_work_for_every_client(urls: dict[str, Any]) -> None:
    assert ask(urls["owner"], "SELECT current_user") == ("tocsin_owner",)
    engine = sqlalchemy.create_engine(urls["owner"].replace("://", "+psycopg://", 1))
    with engine.connect() as alchemy:
        assert alchemy.scalar(sqlalchemy.text("SELECT current_database()")) == "tocsin"
    engine.dispose()
    assert redis.from_url(urls["redis"]).ping()


def test_the_owner_may_make_roles_but_is_no_superuser(urls: dict[str, Any]) -> None:
    flags = "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles"
    assert ask(urls["owner"], f"{flags} WHERE rolname = current_user") == (
        False,
        False,
        True,
        False,
    )


def test_the_server_role_can_be_made_by_the_owner_from_its_url(urls: dict[str, Any]) -> None:
    password = psycopg.conninfo.conninfo_to_dict(urls["server"])["password"]
    with psycopg.connect(urls["owner"]) as connection:
        create = psycopg.sql.SQL("CREATE ROLE tocsin_server LOGIN PASSWORD {}")
        connection.execute(create.format(password))
    assert ask(urls["server"], "SELECT current_user") == ("tocsin_server",)


def test_names_sort_by_code_point(urls: dict[str, Any]) -> None:
    order: LiteralString = "SELECT string_agg(n, '' ORDER BY n) FROM unnest(ARRAY['b','a','B','é'])"
    assert ask(urls["owner"], f"{order} n") == ("Babé",)


def test_what_is_written_is_on_disk_and_checked(urls: dict[str, Any]) -> None:
    settings: LiteralString = "SELECT current_setting('data_checksums'), current_setting('fsync')"
    assert ask(urls["owner"], settings) == ("on", "on")


@pytest.mark.parametrize("wrong", ["", " password=wrong"])
def test_nobody_gets_in_without_the_password(urls: dict[str, Any], wrong: str) -> None:
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(f"host={sockets(urls)} user=tocsin_owner dbname=tocsin{wrong}")


def test_no_port_is_open_and_others_cannot_reach_the_sockets(urls: dict[str, Any]) -> None:
    assert ask(urls["superuser"], "SHOW listen_addresses") == ("",)
    assert redis.from_url(urls["redis"]).config_get("port") == {"port": "0"}
    assert stat.S_IMODE(sockets(urls).stat().st_mode) == 0o700


def test_queue_entries_outlast_the_cache(urls: dict[str, Any]) -> None:
    settings = redis.from_url(urls["redis"]).config_get("maxmemory*", "append*", "save")
    assert settings["maxmemory"] == str(256 * 1024 * 1024)
    assert settings["maxmemory-policy"] == "volatile-lru"
    assert (settings["appendonly"], settings["appendfsync"]) == ("yes", "everysec")
    assert settings["save"] == ""


def test_secrets_are_for_their_owner_only(urls: dict[str, Any]) -> None:
    home = Path(urls["home"])
    for name in ("passwords.json", "urls.json"):
        assert stat.S_IMODE((home / name).stat().st_mode) == 0o600
    assert not (home / "initdb.password").exists()
    for url in (urls["server"], urls["owner"], urls["superuser"]):
        password = psycopg.conninfo.conninfo_to_dict(url)["password"]
        assert str(password) not in (home / "logs/postgres.log").read_text()
