"""Where the servers' files lie: the data folder, or a place that their account can reach.

<home>/postgres, <home>/valkey   data, the account's own, 0700
<home>/run                       sockets, likewise; elsewhere when the path is too long for a socket
<home>/passwords.json, *.lock, logs/   the supervisor's

Home is the data folder itself. Started as root in a folder that the account cannot reach (a
checkout in root's home), home is below /var/lib/tocsin, and the data folder has a link `servers`.
"""

import contextlib
import hashlib
import os
import re
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from app.embedded.account import can_enter
from app.errors import Misconfigured
from app.processes import Account

VAR_LIB = Path("/var/lib/tocsin")
LONGEST_SOCKET_BYTES = 107  # sun_path has 108, one of them for the end
LONGEST_SOCKET_NAME = "/.s.PGSQL.5432"
LINK = "servers"
# A comma would part two hosts in a database URL, and so on: other characters go elsewhere.
PLAIN = re.compile(rb"(/[A-Za-z0-9._-]+)+")


def linked_home(data_dir: Path) -> Path:
    """The data folder, or where an earlier start put the servers' files."""
    link = data_dir / LINK
    return Path(os.path.realpath(link)) if link.is_symlink() else data_dir


def make_home(
    data_dir: Path, account: Account | None, tell: Callable[[str], None], elsewhere: Path
) -> Path:
    """Make the folder for the servers' files, and return it; an earlier choice stands.

    Raises Misconfigured when there is data already, in a folder that the account cannot reach.
    """
    _make_data_dir(data_dir, account)
    home = linked_home(data_dir)
    if home == data_dir and not can_enter(account, data_dir):
        _refuse_existing_data(home, account)
        home = elsewhere / _name_for(data_dir)
        public_folder(elsewhere, 0o755)
        public_folder(home, 0o711)
        with contextlib.suppress(FileExistsError):  # another start was quicker
            (data_dir / LINK).symlink_to(home)
    if account is not None and not can_enter(account, home):
        _refuse_existing_data(home, account)
        raise Misconfigured(f"{account.name} cannot reach {home}, where the servers' files belong.")
    if home != data_dir:
        tell(f"The servers' files are in {home}: {_name(account)} cannot reach {data_dir}.")
    return home


def public_folder(folder: Path, mode: int) -> None:
    """Make a folder with this mode, whatever the umask; one that is there stays as it is."""
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(mode)


def private_folder(folder: Path, account: Account | None) -> Path:
    """Make a folder that only the servers can look into; one of somebody else's is refused."""
    owner = (account.uid, account.gid) if account else (os.geteuid(), os.getegid())
    try:
        folder.mkdir(mode=0o700)
        os.chown(folder, *owner, follow_symlinks=False)
    except FileExistsError:
        pass
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner[0] or found.st_mode & 0o077:
        raise Misconfigured(f"{folder} has to be a folder of {_name(account)} with mode 0700.")
    return folder


def socket_folder(home: Path, account: Account | None) -> Path:
    """Make the folder of the sockets: `run` in home, or a short one where its path is too long."""
    for folder in _candidates(home):
        path = os.fsencode(folder)
        is_short = len(path) + len(LONGEST_SOCKET_NAME) <= LONGEST_SOCKET_BYTES
        if is_short and PLAIN.fullmatch(path) and can_enter(account, folder.parent):
            return private_folder(folder, account)
    raise Misconfigured(f"No folder is short enough for sockets; {home} and TMPDIR were tried.")


def _candidates(home: Path) -> Iterator[Path]:
    yield home / "run"
    name = f"tocsin-{os.geteuid()}-{_digest(home)}"
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR") or "/run")
    if runtime.is_dir() and os.access(runtime, os.W_OK):
        yield runtime / name
    yield Path(tempfile.gettempdir()) / name
    yield Path("/tmp") / name  # noqa: S108  # nosec B108 - private_folder refuses others'


def _make_data_dir(data_dir: Path, account: Account | None) -> None:
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Misconfigured(f"The data folder {data_dir} cannot be made: {error}") from error
    if not os.access(data_dir, os.R_OK | os.W_OK | os.X_OK):
        raise Misconfigured(f"The data folder {data_dir} is not writable.")
    is_ours = data_dir.stat().st_uid == os.geteuid()
    if account is not None and is_ours and can_enter(account, data_dir.parent):
        # Passing through, not looking in; only of our own folder, never of those above it.
        data_dir.chmod(stat.S_IMODE(data_dir.stat().st_mode) | 0o011)


def _refuse_existing_data(home: Path, account: Account | None) -> None:
    if (home / "postgres").exists():
        raise Misconfigured(
            f"{_name(account)} can no longer reach {home}, and there is data in it: let that "
            "account pass through the folders above it, or move the folder."
        )


def _name_for(data_dir: Path) -> str:
    return f"{re.sub('[^a-z0-9]+', '-', data_dir.parent.name.lower())[:20]}-{_digest(data_dir)}"


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]


def _name(account: Account | None) -> str:
    return account.name if account else "this account"
