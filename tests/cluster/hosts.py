"""Hosts that share the kernel and the files of this machine, and nothing else."""

import contextlib
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from app.processes import Child, spawn
from tests.chaos.ground import PROGRAM
from tests.cluster.namespaces import Namespace, Switch

ROOT = Path(__file__).parents[2]
GONE_WITHIN_S = 30.0
COMMAND_WITHIN_S = 120.0
# Its own name, process numbers and memory for files, as on a machine or in a container; the command
# is the first process, so that the kernel ends all others with it.
ISOLATED = (
    *("unshare", "--mount", "--uts", "--pid", "--mount-proc", "--fork", "--kill-child"),
    *("sh", "-ec"),
    'echo "$0" > /proc/sys/kernel/hostname; mount -t tmpfs tmpfs /dev/shm; exec "$@"',
)


@dataclass
class Host:
    """One command on a machine of its own, which may lose its power; its folder stays."""

    name: str
    address: str
    argv: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    log: Path
    switch: Switch
    _namespace: Namespace | None = field(default=None, init=False)
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def power_on(self) -> None:
        self._namespace = Namespace()
        self.switch.plug(self.address, self._namespace)
        child = Child(
            self.name,
            [*ISOLATED, self.name, *self.argv],
            env=self.environment,
            cwd=ROOT,
            death_signal=signal.SIGKILL,
            log_path=self.log,
        )
        with self._namespace.entered():
            self._process = spawn(child)

    def lose_power(self) -> None:
        """The cable first: what lives must not be told by a kernel that others are gone."""
        if self._namespace is not None:
            with contextlib.suppress(subprocess.CalledProcessError):  # it was never plugged in
                self.switch.pull(self.address)
            self._namespace.close()
            self._namespace = None
        if self._process is not None:
            _kill(self._process)
            self._process = None

    def run(self, *words: str) -> str:
        """What a command of `tocsin` prints, given by somebody who has the host's settings."""
        log = self.log.with_name(f"{self.name}-{words[0]}.log")
        argv = [str(PROGRAM), *words]
        child = Child(
            words[0], argv, self.environment, ROOT, death_signal=signal.SIGKILL, log_path=log
        )
        ended_with = spawn(child).wait(COMMAND_WITHIN_S)
        printed = log.read_text()
        assert ended_with == 0, printed
        return printed

    @contextmanager
    def without_power(self) -> Iterator[None]:
        self.lose_power()
        try:
            yield
        finally:
            self.power_on()

    @contextmanager
    def entered(self) -> Iterator[None]:
        """What the calling thread opens inside are this host's connections."""
        assert self._namespace is not None, f"{self.name} has no power"
        with self._namespace.entered():
            yield


def _kill(isolating: subprocess.Popen[bytes]) -> None:
    """`unshare` waits for the first process of the host, whose end waits for all others'."""
    for first in psutil.Process(isolating.pid).children() or [isolating]:
        first.kill()
    isolating.wait(GONE_WITHIN_S)
