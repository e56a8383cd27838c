"""What was backed up comes back: the same rows, bit for bit, and the same answers; or nothing."""

import secrets
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import copyfile
from uuid import UUID

import numpy as np
import psycopg
import pytest

from app import apikeys
from app.actions import accounts, admission, backups, series
from app.actions.parts import Parts, assemble
from app.cache import models as cached_models
from app.cache import windows
from app.errors import Conflict, Misconfigured, NotFound
from app.settings import Settings
from app.store import archive, backup, migrations, partitions
from app.store import restore as stored_restore
from app.store.archive import BadBackup
from app.store.database import INSTALLATION
from tests.actions.conftest import Account, waves
from tests.conftest import Installed, Servers, drop_database, make_database

POINTS = 400
SKIPPED_COLUMNS = {"series": {"revision"}}  # it goes on from the time of the restore
Rows = dict[str, list[tuple[object, ...]]]


@dataclass
class Place:
    """An installation with a data folder and a database of its own."""

    settings: Settings
    database: Installed

    def rows(self) -> Rows:
        """Every row of every table, as text."""
        with psycopg.connect(self.database.superuser_url) as connection:
            found = {}
            for table, columns in backup.tables(connection).items():
                kept = [c for c in columns if c not in SKIPPED_COLUMNS.get(table, ())]
                shown = ", ".join(f'"{column}"::text' for column in kept)
                found[table] = connection.execute(
                    f"SELECT {shown} FROM {table} ORDER BY 1, 2, 3".encode()
                ).fetchall()
        return found

    def restore(self, path: Path, has_other_secret: bool = False) -> archive.Manifest:
        return backups.put_back(self.settings, path, quiet, has_other_secret)


def quiet(_: str, __: int) -> None: ...


def make_place(servers: Servers, folder: Path, secret_of: Settings | None = None) -> Place:
    made = make_database(servers)
    folder.mkdir()
    if secret_of is not None:
        copyfile(secret_of.secret_path, folder / "secret")
    settings = Settings(
        data_dir=folder,
        database_url=made.server_url,
        owner_database_url=made.owner_url,
        redis_url=servers.other_redis_url,
    )
    return Place(settings, made)


@pytest.fixture(scope="module")
def account(alone: Parts) -> Account:
    """A tenant with points, a model, scores and events that are told, and a series of several
    fields."""
    slug = f"t-{secrets.token_hex(6)}"
    made = Account(alone, accounts.add_tenant(alone, slug, slug, {})[0].id, slug)
    made.listen()
    made.make("rides")
    made.upload("rides", waves(POINTS))
    made.train("rides")
    made.score("rides", np.array([3.0, np.nan, 400.0]), POINTS + np.arange(3))
    made.make("engine", ("f0", "f1"))
    made.upload("engine", waves(POINTS, fields=2))
    made.score("engine", waves(2, fields=2), POINTS + np.arange(2))
    return made


@pytest.fixture(scope="module")
def source(account: Account, apart: Installed) -> Place:
    owner_url = Settings(owner_database_url=apart.owner_url).owner_database_url
    settings = account.parts.settings.model_copy(update={"owner_database_url": owner_url})
    return Place(settings, apart)


@pytest.fixture
def places(
    servers: Servers, tmp_path: Path, alone_settings: Settings
) -> Iterator[Callable[..., Place]]:
    made: list[Place] = []

    def make(has_secret: bool = True) -> Place:
        folder = tmp_path / f"place-{len(made)}"
        made.append(make_place(servers, folder, alone_settings if has_secret else None))
        return made[-1]

    yield make
    for place in made:
        drop_database(place.database)


@pytest.fixture(scope="module")
def taken(source: Place, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("backups") / "all.backup"
    backups.take(source.settings, path, quiet)
    return path


@pytest.fixture
def file(taken: Path, tmp_path: Path) -> Path:
    """To be damaged at will."""
    copy = tmp_path / "all.backup"
    copyfile(taken, copy)
    return copy


@pytest.fixture(scope="module")
def empty_place(
    servers: Servers, tmp_path_factory: pytest.TempPathFactory, alone_settings: Settings
) -> Iterator[Place]:
    """For tests that must write nothing."""
    made = make_place(servers, tmp_path_factory.mktemp("empty") / "place", alone_settings)
    yield made
    drop_database(made.database)


def test_what_is_restored_is_what_was_backed_up_bit_for_bit(
    source: Place, places: Callable[..., Place], tmp_path: Path
) -> None:
    file, target = tmp_path / "new.backup", places()
    before = source.rows()
    backups.take(source.settings, file, quiet)
    target.restore(file)
    after = target.rows()
    assert {table: len(rows) for table, rows in after.items()} == {
        table: len(rows) for table, rows in before.items()
    }
    assert after == before
    assert all(before[table] for table in ("points", "scores", "models", "events", "api_keys"))


def test_a_restored_model_gives_the_same_score_bit_for_bit(
    source: Place, account: Account, file: Path, places: Callable[..., Place]
) -> None:
    target = places()
    target.restore(file)
    parts = assemble(target.settings)
    there = replace(account, parts=parts)
    news = np.array([7.25, -3.0, 90.0]), POINTS + 3 + np.arange(3)
    here, again = account.verdicts("rides", *news), there.verdicts("rides", *news)
    parts.close()
    assert all(score.model_version == 1 for score in here)
    for ours, theirs in zip(here, again, strict=True):
        assert ours == theirs


def test_keys_open_the_restored_installation_and_a_job_that_waited_still_waits(
    source: Place, account: Account, places: Callable[..., Place], tmp_path: Path
) -> None:
    stored, key = accounts.add_key(account.parts, account.id, "mine", ["read"])
    series.change(account.parts, account.id, "rides", {"retrain": "auto", "detector": {}})
    file = tmp_path / "with-job.backup"
    backups.take(source.settings, file, quiet)
    target = places()
    target.restore(file)
    parts = assemble(target.settings)
    caller = admission.recognise(parts, apikeys.parse(key.text) or key)
    with parts.database.job_scan() as connection:
        waiting = connection.exec_driver_sql(
            "SELECT status, kind FROM jobs WHERE subject = 'rides'"
        )
        assert ("queued", "train") in waiting.tuples().all()
    parts.close()
    assert caller is not None
    assert caller.tenant_id == account.id
    assert caller.key_id == stored.id


def test_no_cache_entry_is_trusted_over_what_was_restored(
    source: Place, account: Account, file: Path, places: Callable[..., Place]
) -> None:
    """The later life of a series is forgotten with its cache, and never has its numbers again."""
    account.score("rides", np.array([1.0]), [POINTS + 5])
    account.train("rides")
    of = account.find("rides")
    window = windows.get(account.parts.cache, account.id, of.id)
    assert window is not None or cached_models.get(account.parts.cache, account.id, of.id, 2)
    target = places()
    target.restore(file)
    parts = assemble(target.settings)
    restored = series.by_name(parts, account.id, "rides")
    assert cached_models.get(parts.cache, account.id, of.id, 2) is None
    assert windows.get(parts.cache, account.id, of.id) is None
    parts.close()
    assert restored.revision > of.revision + 1_000_000


def test_rows_of_years_beyond_the_migrations_go_to_partitions_of_their_own(
    source: Place, places: Callable[..., Place], tmp_path: Path
) -> None:
    with psycopg.connect(source.database.owner_url, autocommit=True) as owner:
        partitions.add_year(owner, "points", 2035)
    file = tmp_path / "later.backup"
    backups.take(source.settings, file, quiet)
    target = places()
    target.restore(file)
    with psycopg.connect(target.database.owner_url) as owner:
        assert owner.execute("SELECT to_regclass('points_2035')::text").fetchone() == (
            "points_2035",
        )


def test_a_backup_is_of_one_moment_while_others_write(
    source: Place, account: Account, places: Callable[..., Place], tmp_path: Path
) -> None:
    """Points and scores that are committed between two tables are in neither."""
    file = tmp_path / "moment.backup"
    seen: list[str] = []

    def write_between(table: str, _: int) -> None:
        if table not in seen:
            account.score("rides", np.array([float(len(seen))]), [POINTS + 10 + len(seen)])
            seen.append(table)

    before = source.rows()
    backups.take(source.settings, file, write_between)
    target = places()
    target.restore(file)
    after = target.rows()
    assert len(seen) > 5
    assert after["points"] == before["points"]
    assert after["scores"] == before["scores"]


@pytest.mark.parametrize("revision", ["0001", "0005"])
def test_a_backup_of_an_earlier_revision_is_restored_and_then_migrated(
    revision: str, servers: Servers, places: Callable[..., Place], tmp_path: Path
) -> None:
    old = places()
    migrations.upgrade(old.database.owner_url, old.database.server_url, revision)
    with psycopg.connect(old.database.superuser_url) as superuser:
        for statement in OLD_ROWS:
            superuser.execute(statement.encode())
    file = tmp_path / "old.backup"
    secret = backups._existing_secret(old.settings)
    assert secret
    written = backup.take(old.database.superuser_url, file, secret, quiet)
    assert written.revision == revision
    target = places()
    migrations.upgrade(target.database.owner_url, target.database.server_url)
    target.restore(file)
    parts = assemble(target.settings)
    found = series.by_name(parts, UUID(OLD_TENANT), "rides")
    with parts.database.plain() as connection:
        assert migrations.current_revision(connection) == migrations.newest_revision()
    parts.close()
    assert (found.points, found.model_version) == (1, 1)
    assert found.tried_points == (1 if revision < "0003" else 0)


OLD_TENANT = "11111111-1111-1111-1111-111111111111"
OLD_ROWS = (
    f"INSERT INTO tenants (id, slug, name) VALUES ('{OLD_TENANT}', 'old', '')",
    "INSERT INTO series (tenant_id, id, name, fields, points, model_version, last_version) "
    "SELECT id, gen_random_uuid(), 'rides', '{value}', 1, 1, 1 FROM tenants WHERE slug = 'old'",
    "INSERT INTO points SELECT tenant_id, id, '2024-05-01Z', '{1.5}' FROM series",
)


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1_000])


def flip_a_byte(file: Path) -> None:
    damaged = bytearray(file.read_bytes())
    with zipfile.ZipFile(file) as zipped:
        place = zipped.getinfo("points.copy").header_offset + 200
    damaged[place] ^= 1
    file.write_bytes(damaged)


def rewrite(file: Path, name: str, change: Callable[[bytes], bytes | None]) -> None:
    """As somebody would who has the file and zip."""
    with zipfile.ZipFile(file) as zipped:
        members = {each: zipped.read(each) for each in zipped.namelist()}
    with zipfile.ZipFile(file, "w") as zipped:
        for each, content in members.items():
            changed = change(content) if each == name else content
            if changed is not None:
                zipped.writestr(each, changed)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "cut": cut,
    "a flipped byte": flip_a_byte,
    "a point changed": lambda file: rewrite(file, "points.copy", lambda c: c.replace(b"1", b"2")),
    "a table gone": lambda file: rewrite(file, "scores.copy", lambda _: None),
    "manifest changed": lambda file: rewrite(
        file, archive.MANIFEST, lambda c: c.replace(b'"points"', b'"scores"', 1)
    ),
    "manifest gone": lambda file: rewrite(file, archive.MANIFEST, lambda _: None),
    "signature gone": lambda file: rewrite(file, archive.SIGNATURE, lambda _: None),
    "no zip at all": lambda file: file.write_bytes(b"nothing"),
    "no file at all": lambda file: file.unlink(),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_refused_and_nothing_is_written(
    damage: str, file: Path, empty_place: Place
) -> None:
    DAMAGES[damage](file)
    with pytest.raises(BadBackup):
        empty_place.restore(file)
    with psycopg.connect(empty_place.database.owner_url) as owner:
        assert owner.execute(
            "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        ).fetchone() == (0,)


def test_a_backup_that_fails_on_the_way_leaves_no_row(
    file: Path, places: Callable[..., Place]
) -> None:
    """Sums that agree with rows that do not fit: as far as only the database can tell."""
    target = places()
    with archive.opened(file) as zipped:
        manifest = archive.manifest(zipped)
        wrong = [replace(p, rows=p.rows + (p.table == "scores")) for p in manifest.parts]
        stored_restore.prepare(target.database.owner_url, target.database.server_url, manifest)
        with pytest.raises(BadBackup, match="scores"):
            stored_restore.load(
                target.database.owner_url, zipped, replace(manifest, parts=wrong), quiet
            )
    assert all(not rows for table, rows in target.rows().items() if table != "tenants")
    assert target.restore(file)  # and the same file may be tried again


def test_an_installation_with_tenants_is_refused_and_keeps_its_rows(
    file: Path, places: Callable[..., Place]
) -> None:
    target = places()
    target.restore(file)
    before = target.rows()
    with pytest.raises(Conflict, match="new one only"):
        target.restore(file)
    assert target.rows() == before


def test_an_operator_key_made_before_does_not_stand_in_the_way(
    file: Path, places: Callable[..., Place]
) -> None:
    target = places()
    migrations.upgrade(target.database.owner_url, target.database.server_url)
    parts = assemble(target.settings)
    early, _ = accounts.add_key(parts, INSTALLATION, "too early", ["admin"])
    parts.close()
    restored = target.restore(file)
    ids = [row[1] for row in target.rows()["api_keys"]]
    assert len(ids) == next(part.rows for part in restored.parts if part.table == "api_keys")
    assert early.id not in ids


def test_a_service_that_runs_is_refused(file: Path, places: Callable[..., Place]) -> None:
    target = places()
    migrations.upgrade(target.database.owner_url, target.database.server_url)
    parts = assemble(target.settings)
    with parts.database.plain(), pytest.raises(Conflict, match="stop them all"):
        target.restore(file)
    parts.close()
    target.restore(file)


def test_another_secret_is_refused_by_name_unless_it_is_said_that_keys_may_fail(
    account: Account, file: Path, places: Callable[..., Place]
) -> None:
    stranger = places(has_secret=False)
    with pytest.raises(Misconfigured, match=r"TOCSIN_SECRET_FILE.*not one API key"):
        stranger.restore(file)
    assert not stranger.settings.secret_path.exists()  # nobody may take a new one for the old one
    (stranger.settings.secret_path).write_text(f"1 {'ab' * 32}\n")
    with pytest.raises(Misconfigured, match=r"line 1.*--other-secret"):
        stranger.restore(file)
    stranger.restore(file, has_other_secret=True)
    parts = assemble(stranger.settings)
    _, _, key = accounts.add_tenant(account.parts, "only-here", "", {})
    with pytest.raises(NotFound):
        accounts.tenant_by_slug(parts, "only-here")
    assert admission.recognise(parts, key) is None
    assert accounts.tenant_by_slug(parts, account.slug).id == account.id
    parts.close()


def test_the_secret_and_no_key_is_in_the_file(source: Place, account: Account, file: Path) -> None:
    _, key = accounts.add_key(account.parts, account.id, "mine", ["read"])
    again = file.with_name("again.backup")
    backups.take(source.settings, again, quiet)
    secret = source.settings.secret_path.read_text().split()[1]
    with zipfile.ZipFile(again) as zipped:
        content = b"".join(zipped.read(name) for name in zipped.namelist())
    assert key.id.encode() in content
    assert key.text.encode() not in content
    assert secret.encode() not in content
    assert bytes.fromhex(secret) not in content
    assert again.stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_there_is_left_alone(source: Place, file: Path) -> None:
    before = file.read_bytes()
    with pytest.raises(Misconfigured, match="is there already"):
        backups.take(source.settings, file, quiet)
    assert file.read_bytes() == before


def test_a_backup_that_fails_leaves_no_file(source: Place, tmp_path: Path) -> None:
    def fail(_: str, __: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        backups.take(source.settings, tmp_path / "file", fail)
    assert list(tmp_path.glob("*file*")) == []


def test_a_role_that_sees_nothing_is_refused(source: Place, tmp_path: Path) -> None:
    blind = source.settings.model_copy(update={"owner_database_url": source.settings.database_url})
    with pytest.raises(Misconfigured, match="sees no rows"):
        backups.take(blind, tmp_path / "file", quiet)


def test_a_backup_of_a_newer_version_is_refused_with_what_to_do(file: Path) -> None:
    with archive.opened(file) as zipped:
        newer = replace(archive.manifest(zipped), revision="9999")
    with pytest.raises(BadBackup, match="update first"):
        stored_restore.refuse_unknown(newer)
