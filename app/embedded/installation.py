"""One data folder with both servers: locked, laid out, and ready to be started."""

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from app.embedded import binaries, folders, secret_files
from app.embedded.account import account_for_servers
from app.embedded.locks import servers_lock, supervisor_lock
from app.embedded.postgres import DATABASE, OWNER, SERVER, SUPERUSER, Postgres
from app.embedded.valkey import Valkey
from app.processes import Account, Child

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Urls:
    """How to reach the servers; `owner` is for migrations, `superuser` for backup and restore."""

    server: str = field(repr=False)
    owner: str = field(repr=False)
    superuser: str = field(repr=False)
    redis: str


@dataclass(frozen=True)
class Installation:
    """What to start, and how to reach it then; `postgres_programs` has pg_dump and the like."""

    home: Path
    children: tuple[Child, Child]
    urls: Urls
    postgres_programs: Path
    _owner_password: str = field(repr=False)

    @property
    def superuser_url(self) -> str:
        return self.urls.superuser

    @property
    def redis_url(self) -> str:
        return self.urls.redis

    def prepare(self) -> Urls:
        """Make the owner's role and the database, once PostgreSQL is ready; may be repeated."""
        # Loads the driver: not before the server, which loads longest, was begun.
        from app.embedded.roles import make_owner_and_database

        make_owner_and_database(self.urls.superuser, self._owner_password)
        return self.urls


@contextlib.contextmanager
def installation(
    data_dir: Path,
    tell: Tell = lambda _line: None,
    *,
    is_throwaway: bool = False,
    has_postgres: bool = True,
    elsewhere: Path = folders.VAR_LIB,
) -> Iterator[Installation]:
    """Lock the data folder, wait for what an earlier run left, and make the data if there is none.

    Leave it after the servers have stopped. Where the database is another's, no data of PostgreSQL
    is laid out. `tell` gets lines for people: where files are that are not in the folder, and what
    is waited for. Throw-away data is quick and does not outlast a power cut. Raises
    Misconfigured: folder in use, other PostgreSQL's data, no wheels, no account.
    """
    found = binaries.find()
    data_dir = Path(os.path.realpath(data_dir))
    account = account_for_servers(folders.linked_home(data_dir) / "postgres")
    home = folders.make_home(data_dir, account, tell, elsewhere)
    with supervisor_lock(home, data_dir), servers_lock(home, tell) as lock:
        programs = binaries.runnable(found, account, elsewhere / "bin")
        if programs != found:
            tell(f"The servers' programs are in {elsewhere / 'bin'}, where they can be run.")
        servers = _lay_out(home, programs, account, lock, is_throwaway, has_postgres)
        with _announced(home, servers.urls):
            yield servers


def running(data_dir: Path) -> Urls | None:
    """The URLs of the servers that run on this data folder now, for a second command beside."""
    home = folders.linked_home(Path(os.path.realpath(data_dir)))
    found = secret_files.read(home / "urls.json")
    if found is None:
        return None
    try:
        os.kill(int(found.pop("pid")), 0)
    except ProcessLookupError:
        return None  # killed before it could take the file back
    except PermissionError:
        pass  # runs as another account
    return Urls(**found)


def _lay_out(
    home: Path,
    programs: binaries.Binaries,
    account: Account | None,
    lock: int,
    is_throwaway: bool,
    has_postgres: bool,
) -> Installation:
    passwords = secret_files.passwords(home)
    logs = home / "logs"
    logs.mkdir(mode=0o700, exist_ok=True)
    sockets = folders.socket_folder(home, account)
    postgres = Postgres(
        programs, home / "postgres", sockets, logs / "postgres.log", account, lock, is_throwaway
    )
    valkey = Valkey(
        programs,
        folders.private_folder(home / "valkey", account),
        sockets,
        logs / "valkey.log",
        account,
        lock,
    )
    if has_postgres:
        postgres.check_data()
        postgres.initialise(passwords["superuser"])
        postgres.clear_leftovers()
    urls = _urls(postgres, valkey, passwords)
    children = (postgres.child(), valkey.child())
    return Installation(home, children, urls, programs.postgres, passwords["owner"])


def _urls(postgres: Postgres, valkey: Valkey, passwords: dict[str, str]) -> Urls:
    return Urls(
        server=postgres.url(SERVER, passwords["server"], DATABASE),
        owner=postgres.url(OWNER, passwords["owner"], DATABASE),
        superuser=postgres.url(SUPERUSER, passwords["superuser"], "postgres"),
        redis=valkey.url,
    )


@contextlib.contextmanager
def _announced(home: Path, urls: Urls) -> Iterator[None]:
    path = home / "urls.json"
    secret_files.write(path, {"pid": str(os.getpid()), **asdict(urls)})
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
