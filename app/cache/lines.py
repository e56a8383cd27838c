"""Commands to Redis over connections that redis-py makes and secures, without what it does around a
command, which takes several times as long as the answer."""

from typing import Any

import hiredis
from redis import Redis
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import NoScriptError, ResponseError
from redis.exceptions import TimeoutError as Silent

READ_BYTES = 65_536
UNFINISHED = object()


class Lines:
    """Of two threads one gets each line."""

    def __init__(self, redis: "Redis") -> None:
        self._pool = redis.connection_pool
        self._idle: list[_Line] = []

    def ask(self, *packed: bytes) -> Any:
        """The answer to the last of the commands, which go together. Where Redis was started anew
        since, the line is made anew."""
        line = self._lent()
        try:
            return line.ask(*packed)
        except Disconnected:
            return line.ask(*packed)
        finally:
            self._idle.append(line)

    def _lent(self) -> "_Line":
        try:
            return self._idle.pop()
        except IndexError:
            return _Line(self._pool.make_connection())

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()


class _Line:
    """One connection; what comes to no answer closes it, and the next command connects."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._socket: Any = None
        self._reader: Any = None

    def ask(self, *packed: bytes) -> Any:
        try:
            if self._socket is None:
                self._connect()
            self._socket.sendall(b"".join(packed))
            answers = [self._received() for _ in packed]
        except TimeoutError as error:
            self.close()
            raise Silent("Redis does not answer in time") from error
        except OSError as error:
            self.close()
            raise Disconnected(f"Redis is not to be reached: {error}") from error
        except BaseException:
            self.close()
            raise
        for answer in answers:
            if isinstance(answer, Exception):
                raise _translated(answer)
        return answers[-1]

    def _connect(self) -> None:
        self._connection.connect()
        self._socket = self._connection._sock
        self._reader = hiredis.Reader(notEnoughData=UNFINISHED)

    def _received(self) -> Any:
        while True:
            answer = self._reader.gets()
            if answer is UNFINISHED:
                self._take_in()
            elif not isinstance(answer, hiredis.PushNotification):
                return answer

    def _take_in(self) -> None:
        received = self._socket.recv(READ_BYTES)
        if not received:
            raise ConnectionResetError("it closed the connection")
        self._reader.feed(received)

    def close(self) -> None:
        self._socket = self._reader = None
        self._connection.disconnect()


def _translated(refusal: Exception) -> ResponseError:
    text = str(refusal)
    return NoScriptError(text) if text.startswith("NOSCRIPT") else ResponseError(text)


def command(*words: str | bytes | float) -> bytes:
    packed: Any = hiredis.pack_command(words)  # type: ignore[arg-type]  # its hint has one alone
    return bytes(packed)


def bulk(*words: str | bytes | float) -> bytes:
    """Words as they stand in a command, without the number of them at its beginning."""
    return command(*words).partition(b"\r\n")[2]
