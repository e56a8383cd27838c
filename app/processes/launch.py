"""Becomes another program, after making sure that it cannot outlive the process that started it.

`app.processes` runs this file by its path, without site-packages; it imports nothing of ours.
Arguments: the starter's pid, the signal to get when it dies, `uid:gid` or `-`, then the program's.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
NEVER_CAUGHT = {signal.SIGKILL, signal.SIGSTOP}


def become_account(uid: int, gid: int) -> None:
    """Give up root for good, supplementary groups included."""
    os.setgroups([gid])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)


def die_with(parent_pid: int, death_signal: int) -> None:
    """Have the kernel send us the signal when the thread that started us ends; Linux only."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != parent_pid:  # it died before the kernel knew of our wish
        sys.exit(1)


def main(parent_pid: str, death_signal: str, account: str, *program: str) -> None:
    """Become the program; its signals are those of a fresh process, not of a Python one."""
    for number in signal.valid_signals() - NEVER_CAUGHT:
        signal.signal(number, signal.SIG_DFL)  # Python ignores some, a shell's `&` others
    if account != "-":
        uid, gid = account.split(":")
        become_account(int(uid), int(gid))
    # Last, because the kernel forgets the wish when credentials change.
    die_with(int(parent_pid), int(death_signal))
    # Until here our starter's wish to hold them was in force: a stop that came meanwhile acts now.
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    try:
        os.execv(program[0], program)  # noqa: S606  # nosec B606 - no shell is what is wanted
    except OSError as error:
        sys.exit(f"{program[0]}: {error.strerror}")


if __name__ == "__main__":
    main(*sys.argv[1:])
