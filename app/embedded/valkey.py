"""Valkey as a child: its settings, and when it is ready."""

import socket
from dataclasses import dataclass
from pathlib import Path

from app.embedded.binaries import Binaries
from app.processes import Account, Child

ANSWER_WITHIN_S = 0.5

# volatile-lru: cache keys have a time to live and may go, queue entries have none and stay.
SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": "",
    "maxmemory": "256mb",
    "maxmemory-policy": "volatile-lru",
    "daemonize": "no",
}


@dataclass(frozen=True)
class Valkey:
    """Where its files are and whom it runs as; `kept_fd` is the lock that its processes hold."""

    binaries: Binaries
    data: Path
    sockets: Path
    log: Path
    account: Account | None
    kept_fd: int

    @property
    def socket_path(self) -> Path:
        return self.sockets / "valkey.sock"

    @property
    def url(self) -> str:
        return f"unix://{self.socket_path}?db=0"

    def child(self) -> Child:
        """The server, in the foreground; SIGTERM lets it write its log and end."""
        settings = SETTINGS | {"unixsocket": str(self.socket_path)}
        options = [word for name, value in settings.items() for word in (f"--{name}", value)]
        return Child(
            "valkey",
            [self.binaries.valkey, *options],
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
            cwd=self.data,
            is_ready=self.is_ready,
            log_path=self.log,
            account=self.account,
            kept_fds=(self.kept_fd,),
        )

    def is_ready(self) -> bool:
        """Whether it answers, and is not still reading its log."""
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(ANSWER_WITHIN_S)
                connection.connect(str(self.socket_path))
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False
