"""Log lines: JSON, one for each event, with the ids that bind them to a request or a job."""

import contextlib
import json
import logging
import sys
import time
from collections import deque
from datetime import UTC, datetime
from threading import Lock, Thread, main_thread
from typing import Any, TextIO

import orjson
import structlog
from structlog.contextvars import get_contextvars, merge_contextvars
from structlog.processors import format_exc_info
from structlog.typing import EventDict, Processor

from app.settings import Settings

LOSING = contextlib.suppress(OSError)
HELD_S = 0.05
HELD_MOST = 10_000


class Lines:
    """Where a line cannot be written, as on a full disk, it is lost: what it tells of is not.

    waits: lines of what went well are written together, a moment later. To write each at once takes
    a request as long as a third of its verdict: others get the interpreter meanwhile.
    """

    def __init__(self, stream: TextIO, waits: bool = False) -> None:
        self._stream, self._waits = stream, waits
        self._held: deque[str] = deque(maxlen=HELD_MOST)
        self._lock = Lock()
        self._writer: Thread | None = None

    def info(self, line: str) -> None:
        self._held.append(line)
        if not self._waits:
            self._write()
        elif self._writer is None:
            self._begin()

    def warning(self, line: str) -> None:
        self._held.append(line)
        self._write()

    debug = info
    error = critical = warning

    def _write(self) -> None:
        with self._lock, LOSING:
            lines = [self._held.popleft() for _ in range(len(self._held))]
            if lines:
                self._stream.write("\n".join(lines) + "\n")
                self._stream.flush()

    def _begin(self) -> None:
        with self._lock:
            if self._writer is None:
                # Not a daemon: the process waits for it, and so for the last lines.
                self._writer = Thread(target=self._write_on, name="log")
                self._writer.start()

    def _write_on(self) -> None:
        while main_thread().is_alive():
            time.sleep(HELD_S)
            self._write()
        self._write()


def _as_json(_: Any, level: str, given: EventDict) -> str:
    """What several processors of structlog's would do, at once: each request writes a line."""
    line: EventDict = {**get_contextvars(), **given, "level": level, "timestamp": _now()}
    if "exc_info" in line:
        line = format_exc_info(None, level, line)
    try:
        return orjson.dumps(line, repr).decode()
    except TypeError:  # text that is no text: half a surrogate pair, which somebody sent
        return json.dumps(line, default=repr)


def _now() -> str:
    return datetime.now(UTC).replace(tzinfo=None).isoformat() + "Z"


def _for_people() -> list[Processor]:
    return [
        merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        format_exc_info,
        structlog.dev.ConsoleRenderer(),
    ]


def configure(settings: Settings, waits: bool = False) -> None:
    """waits: as of `Lines`; for a process that ends by itself, not for one that is forked for a
    job."""
    lines = Lines(sys.stderr, waits)
    level = getattr(logging, settings.log_level.upper())
    structlog.configure(
        processors=[_as_json] if settings.log_format == "json" else _for_people(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: lines,
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=max(level, logging.WARNING), stream=sys.stderr)
