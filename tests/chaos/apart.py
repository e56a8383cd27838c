"""Servers that are reached over a network, and processes that can be cut off from them.

PostgreSQL and Valkey are reached at one end of a cable; at its other end is a room (a network
namespace), and nftables there drops what is to be lost.
"""

import contextlib
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.chaos import needs

# As the server's sessions ask of PostgreSQL itself, which sees only the relay here.
WATCHED = "keepalive,keepidle=1,keepintvl=1,keepcnt=3,setsockopt-int=6:18:4000"  # TCP_USER_TIMEOUT


class Room:
    """A network namespace at the end of a cable; its number is its own while it is there."""

    def __init__(self, number: int) -> None:
        self.name = f"tocsin-c{number}"
        self.here, self.there = f"10.213.{number}.1", f"10.213.{number}.2"
        self._ip, self._nft = needs.program("ip"), needs.program("nft")

    @property
    def before(self) -> list[str]:
        """What a command begins with that is run inside."""
        return [self._ip, "netns", "exec", self.name]

    def build(self) -> None:
        cable, end = f"{self.name}-a", f"{self.name}-b"
        for words in (
            f"netns add {self.name}",
            f"link add {cable} type veth peer name {end} netns {self.name}",
            f"addr add {self.here}/30 dev {cable}",
            f"link set {cable} up",
            f"-n {self.name} addr add {self.there}/30 dev {end}",
            f"-n {self.name} link set {end} up",
            f"-n {self.name} link set lo up",
        ):
            subprocess.run([self._ip, *words.split()], check=True)

    def tear_down(self) -> None:
        subprocess.run(
            [self._ip, "netns", "delete", self.name], check=False
        )  # the cable goes with it

    @contextmanager
    def cut_off(self, *ports: int) -> Iterator[None]:
        """Packets from and to these ports vanish on the cable, without a word to either side.

        At the far end of each way: a kernel that drops what it sends itself does not count it as
        sent, and then no timeout of TCP runs.
        """
        listed = ", ".join(map(str, ports))
        to_us = f"iifname {self.name}-a tcp dport {{ {listed} }} drop"
        subprocess.run([self._nft, self._table("prerouting", to_us)], check=True)
        to_them = f"tcp sport {{ {listed} }} drop"
        subprocess.run([*self.before, self._nft, self._table("input", to_them)], check=True)
        try:
            yield
        finally:
            delete = [self._nft, f"delete table inet {self.name}"]
            subprocess.run(delete, check=True)
            subprocess.run([*self.before, *delete], check=True)

    def _table(self, hook: str, rule: str) -> str:
        chain = f"chain cut {{ type filter hook {hook} priority 0; {rule}; }}"
        return f"table inet {self.name} {{ {chain}; }}"


@contextmanager
def room(number: int) -> Iterator[Room]:
    needs.root()
    built = Room(number)
    try:
        built.build()
        yield built
    finally:
        built.tear_down()


class Relay:
    """A port on the cable that leads to a socket of the embedded servers."""

    def __init__(self, address: str, port: int, socket: Path) -> None:
        listening = f"TCP-LISTEN:{port},bind={address},fork,reuseaddr,{WATCHED}"
        self._command = [needs.program("socat"), listening, f"UNIX-CONNECT:{socket}"]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Relay":
        self._process = subprocess.Popen(self._command, start_new_session=True)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        self._process.wait(10)
