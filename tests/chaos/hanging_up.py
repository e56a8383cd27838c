"""A transport that sends the whole request and is gone before there can be an answer."""

import random
import socket
import struct

import httpx

AT_ONCE = struct.pack("ii", 1, 0)  # closing resets the connection, nothing lingers


class HangingUp(httpx.BaseTransport):
    def __init__(self, address: tuple[str, int], rng: random.Random) -> None:
        self._address, self._rng = address, rng

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Raises ReadError, always: nobody waited for the answer."""
        lines = [f"{request.method} {request.url.raw_path.decode()} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in request.headers.items()]
        with socket.create_connection(self._address, timeout=30) as connection:
            connection.sendall("\r\n".join([*lines, "", ""]).encode() + request.read())
            if self._rng.random() < 0.5:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        raise httpx.ReadError("hung up", request=request)
