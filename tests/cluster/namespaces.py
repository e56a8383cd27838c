"""Networks of this machine's kernel alone, without names: what holds them is a process or a
descriptor, so they go with the last of these, however a run ends, and no two runs meet.
"""

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.chaos import needs

CLONE_NEWNET = 0x40000000
MINE = "/proc/thread-self/ns/net"
NETWORK = "10.214.0"  # nobody outside sees it: it leads from no namespace to another machine
WAY_IN = f"{NETWORK}.1"

_libc = ctypes.CDLL(None, use_errno=True)


class Namespace:
    """A network of its own, in which threads may be for a while."""

    def __init__(self) -> None:
        self._ip = needs.program("ip")
        with _there_and_back():
            _call(_libc.unshare, CLONE_NEWNET)
            self._fd = os.open(MINE, os.O_RDONLY | os.O_CLOEXEC)

    @property
    def path(self) -> str:
        """Under which another process finds it."""
        return f"/proc/{os.getpid()}/fd/{self._fd}"

    @contextmanager
    def entered(self) -> Iterator[None]:
        """What the calling thread opens and starts inside, threads too, is and stays in there."""
        with _there_and_back():
            _call(_libc.setns, self._fd, CLONE_NEWNET)
            yield

    def ip(self, *commands: str) -> None:
        with self.entered():
            subprocess.run(
                [self._ip, "-batch", "-"],
                input="\n".join(commands),
                check=True,
                capture_output=True,
                text=True,
            )

    def close(self) -> None:
        os.close(self._fd)


class Switch:
    """What hosts are plugged into, and who is in its namespace reaches all of them."""

    def __init__(self) -> None:
        self.namespace = Namespace()
        self.namespace.ip(
            "link set lo up",
            "link add switch type bridge",
            f"address add {WAY_IN}/24 dev switch",
            "link set switch up",
        )

    def try_out(self) -> None:
        """Raises OSError or CalledProcessError where this machine allows none of it."""
        tried = Namespace()
        self.plug(f"{NETWORK}.254", tried)
        self.pull(f"{NETWORK}.254")
        tried.close()

    def plug(self, address: str, into: Namespace) -> None:
        """A cable from a port, which is named after the address, to the host's `eth0`."""
        port, hardware = _names_of(address)
        # The host's network card keeps its number, as one that is switched on again does: what
        # others remember of it stays right.
        card = f"name eth0 address {hardware} netns {into.path}"
        self.namespace.ip(
            f"link add {port} type veth peer {card}", f"link set {port} master switch up"
        )
        into.ip(f"address add {address}/24 dev eth0", "link set eth0 up", "link set lo up")

    def pull(self, address: str) -> None:
        """Both ends of the cable are gone at once: no packet of the host leaves it any more."""
        port, _ = _names_of(address)
        self.namespace.ip(f"link delete {port}")


def _names_of(address: str) -> tuple[str, str]:
    number = int(address.rpartition(".")[2])
    return f"port{number}", f"02:00:0a:d6:00:{number:02x}"


@contextmanager
def _there_and_back() -> Iterator[None]:
    before = os.open(MINE, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield
    finally:
        _call(_libc.setns, before, CLONE_NEWNET)
        os.close(before)


def _call(function: "ctypes._NamedFuncPointer", *numbers: int) -> None:
    """Python has names for these two only from 3.12 on."""
    if function(*numbers) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
