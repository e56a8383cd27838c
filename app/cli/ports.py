"""Whether the server's port is free, asked before anything is started."""

import errno
import socket
import time
from contextlib import closing

from app.cli import children
from app.errors import Misconfigured

PATIENCE_S = 3.0  # a server whose supervisor was killed is still ending
RETRY_S = 0.1


def refuse_taken(host: str, port: int, patience_s: float = PATIENCE_S) -> None:
    """Raise Misconfigured when nothing can listen there, saying why and which setting to change."""
    until = time.monotonic() + patience_s
    while (error := _error_of_listening(host, port)) is not None:
        if error.errno != errno.EADDRINUSE or time.monotonic() >= until:
            raise Misconfigured(_explained(error, host, port))
        time.sleep(RETRY_S)


def _error_of_listening(host: str, port: int) -> OSError | None:
    """Granian shares ports, and would take one that another Tocsin has; this does not."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with closing(socket.socket(family, kind, protocol)) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind(address)
            tried.listen()
    except OSError as error:
        return error
    return None


def _explained(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        by = (
            "a Tocsin that answers there"
            if children.answers(children.reachable_host(host), port)
            else "another program"
        )
        return f"TOCSIN_PORT: port {port} of {host} is taken by {by}; set TOCSIN_PORT to another."
    if error.errno == errno.EACCES:
        return f"TOCSIN_PORT: this account may not listen on port {port}; set one from 1024 on."
    return f"TOCSIN_HOST: nothing can listen on {host}, port {port}: {error.strerror}."
