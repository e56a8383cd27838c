"""Whom the servers run as: PostgreSQL refuses to be root."""

import os
import pwd
import subprocess
from collections.abc import Sequence
from pathlib import Path

from app.errors import Misconfigured
from app.processes import Account

UNPRIVILEGED = ("tocsin", "postgres", "nobody")  # the first that exists


def account_for_servers(existing_data: Path) -> Account | None:
    """The account of the data, or else an unprivileged one; None when we are not root ourselves.

    Raises Misconfigured when the data is another account's and we cannot become that one.
    """
    owner_uid = existing_data.stat().st_uid if existing_data.is_dir() else None
    if os.geteuid() != 0:
        if owner_uid not in (None, os.geteuid()):
            raise Misconfigured(
                f"{existing_data} belongs to {_name_of(owner_uid)}: start as that account or root."
            )
        return None
    return _unprivileged() if not owner_uid else _account(pwd.getpwuid(owner_uid))


def acting_as(account: Account, argv: Sequence[str]) -> bool:
    """Whether the command, run as the account, succeeds."""
    try:
        ended = subprocess.run(  # noqa: S603  # nosec B603 - argv comes from our own code
            argv,
            user=account.uid,
            group=account.gid,
            extra_groups=[],
            cwd="/",
            env={},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
    except OSError:  # not to be executed by that account
        return False
    return ended.returncode == 0


def can_enter(account: Account | None, folder: Path) -> bool:
    """Whether the account reaches the folder, as the kernel sees it: modes, ACLs, mounts."""
    return account is None or acting_as(account, ["/bin/sh", "-c", 'cd -- "$0"', str(folder)])


def _unprivileged() -> Account:
    for name in UNPRIVILEGED:
        try:
            return _account(pwd.getpwnam(name))
        except KeyError:
            continue
    raise Misconfigured(
        f"Started as root, and there is no account {', '.join(UNPRIVILEGED)} to run PostgreSQL as: "
        "add one, or start as another account."
    )


def _account(entry: pwd.struct_passwd) -> Account:
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _name_of(uid: int | None) -> str:
    try:
        return pwd.getpwuid(uid or 0).pw_name
    except KeyError:
        return f"uid {uid}"
