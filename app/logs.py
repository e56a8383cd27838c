"""Log lines: JSON, one for each event, with the ids that bind them to a request or a job.

No line has a key or a value: of what was raised, where and what kind it was is told, and its words
without what they quote.
"""

import contextlib
import json
import logging
import re
import sys
import time
import traceback
from collections import deque
from datetime import UTC, datetime
from threading import Lock, Thread, main_thread
from typing import Any, TextIO

import orjson
import structlog
from structlog.contextvars import bound_contextvars, get_contextvars, merge_contextvars
from structlog.typing import EventDict, Processor

from app.settings import Settings

KEY = re.compile(r"tcs_\w+")
QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|[-+]?\d[\w.+-]*")
MASK = "…"
BOUND = ("request_id", "tenant_id", "job_id")
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
    return _written(_without_values(None, level, line))


def _written(line: EventDict) -> str:
    try:
        return orjson.dumps(line, repr).decode()
    except TypeError:  # text that is no text: half a surrogate pair, which somebody sent
        return json.dumps(line, default=repr)


def _without_values(_: Any, __: str, line: EventDict) -> EventDict:
    raised = line.pop("exc_info", None)
    if raised:
        error = raised if isinstance(raised, BaseException) else sys.exc_info()[1]
        line["exception"] = "" if error is None else told(error)
    return line


def told(error: BaseException) -> str:
    """A traceback, of each error that led to it too. What a database or a parser says of an error
    quotes rows and cells, and on further lines all of them: words and numbers in it are masked."""
    chain: list[str] = []
    following: BaseException | None = error
    while following is not None:
        frames = "".join(traceback.format_tb(following.__traceback__))
        kind = type(following)
        words = QUOTED.sub(MASK, str(following).partition("\n")[0])
        chain.append(f"Traceback:\n{frames}{kind.__module__}.{kind.__qualname__}: {words}")
        is_context = following.__cause__ is None and not following.__suppress_context__
        following = following.__context__ if is_context else following.__cause__
    return "\nThis led to:\n".join(reversed(chain))


def _now() -> str:
    return datetime.now(UTC).replace(tzinfo=None).isoformat() + "Z"


def _for_people() -> list[Processor]:
    return [
        merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _without_values,
        structlog.dev.ConsoleRenderer(),
    ]


class OfLibraries(logging.Formatter):
    """The same form for what libraries say. A message of several lines carries a traceback, whose
    last words are those of an error."""

    def format(self, record: logging.LogRecord) -> str:
        event, *more = KEY.sub(MASK, record.getMessage()).split("\n")
        line = {"event": event, "logger": record.name, "level": record.levelname.lower()}
        if record.exc_info and record.exc_info[1] is not None:
            line["exception"] = told(record.exc_info[1])
        elif more:
            line["exception"] = "\n".join(
                text if text.startswith(" ") else QUOTED.sub(MASK, text) for text in more
            )
        return _written(get_contextvars() | line | {"timestamp": _now()})


def of_libraries(settings: Settings) -> dict[str, Any]:
    """As `logging.config` wants it, for the server's own logger."""
    form = (
        {"()": OfLibraries} if settings.log_format == "json" else {"format": logging.BASIC_FORMAT}
    )
    handler = {"class": "logging.StreamHandler", "formatter": "ours"}
    loggers = {"_granian": {"handlers": ["stderr"], "propagate": False}}
    return {"formatters": {"ours": form}, "handlers": {"stderr": handler}, "loggers": loggers}


def configure(settings: Settings, waits: bool = False) -> None:
    """waits: as of `Lines`; for a process that ends by itself, not for one that is forked for a
    job."""
    with bound_contextvars(**dict.fromkeys(BOUND)):
        pass  # structlog makes its variable of each here, or two threads at once would make two
    lines = Lines(sys.stderr, waits)
    level = getattr(logging, settings.log_level.upper())
    structlog.configure(
        processors=[_as_json] if settings.log_format == "json" else _for_people(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: lines,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    if settings.log_format == "json":
        handler.setFormatter(OfLibraries())
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[handler])
