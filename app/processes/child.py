"""What a child process is, and how one is started so that it cannot outlive its starter."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LOG_LIMIT_BYTES = 10_000_000
REMAINS_S = 20.0
LAUNCHER = Path(__file__).with_name("launch.py")


@dataclass(frozen=True)
class Account:
    """Whom a child runs as, when the supervisor is root."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True)
class Child:
    """What to run, and how to tell that it is ready and that it should end.

    `is_ready` is asked about every 20 ms and must answer quickly; without it, running is ready.
    `death_signal` is sent by the kernel when the supervisor dies: None is `stop_signal`.
    `stop_signal` goes to the child alone; what remains of its process group gets SIGKILL once the
    child has ended, or after `grace_s`. With `is_outlived`, what remains of one that ended unasked
    goes on, to answer until the successor does; it has to end by itself within `REMAINS_S`.
    Before each start `clear_way` is called, which must be quick. Descriptors in `kept_fds` stay
    open in it. Output is appended to `log_path`, or goes where the supervisor's goes. `env` None:
    the supervisor's own.
    """

    name: str
    argv: Sequence[str | Path]
    env: Mapping[str, str] | None = None
    cwd: Path | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals | None = None
    grace_s: float = 10.0
    is_ready: Callable[[], bool] | None = None
    log_path: Path | None = None
    account: Account | None = None
    kept_fds: tuple[int, ...] = ()
    is_outlived: bool = False
    clear_way: Callable[[], None] | None = None


def spawn(child: Child) -> subprocess.Popen[bytes]:
    """Start the child once, unsupervised; it dies with the calling thread.

    Between fork and exec no Python may run when there are threads (numpy brings some), which rules
    out preexec_fn; so a small program in between changes the account, asks to die with us, and then
    becomes the child. It costs 15 ms, and gets signals only then: Python would lose some of them.
    Without a preexec_fn, Popen can also use vfork.
    """
    account = f"{child.account.uid}:{child.account.gid}" if child.account else "-"
    death_signal = int(child.death_signal or child.stop_signal)
    launch = [sys.executable, "-I", "-S", str(LAUNCHER)]
    wishes = [str(os.getpid()), str(death_signal), account]
    program, *arguments = child.argv
    path = (os.environ if child.env is None else child.env).get("PATH", os.defpath)
    found = shutil.which(program, path=path) or program  # here, where Python's files are in reach
    with _log_of(child) as log, _signals_held():
        return subprocess.Popen(  # noqa: S603  # nosec B603 - argv comes from our own code
            [*launch, *wishes, found, *arguments],
            env=child.env,
            cwd=child.cwd,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=None if log is None else subprocess.STDOUT,
            pass_fds=child.kept_fds,
            process_group=0,
        )


@contextlib.contextmanager
def _signals_held() -> Iterator[None]:
    """What is started inside inherits blocked signals: none gets lost while it starts up."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _log_of(child: Child) -> Iterator[int | None]:
    if child.log_path is None:
        yield None
        return
    with contextlib.suppress(FileNotFoundError):
        if child.log_path.stat().st_size > LOG_LIMIT_BYTES:
            child.log_path.replace(child.log_path.with_name(child.log_path.name + ".1"))
    log = os.open(child.log_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield log
    finally:
        os.close(log)
