"""Log lines: JSON, one for each event, with the ids that bind them to a request or a job."""

import contextlib
import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, TextIO

import orjson
import structlog
from structlog.contextvars import get_contextvars, merge_contextvars
from structlog.processors import format_exc_info
from structlog.typing import EventDict, Processor

from app.settings import Settings

LOSING = contextlib.suppress(OSError)


class LossyStream:
    """Where a line cannot be written, as on a full disk, it is lost: what it tells of is not."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with LOSING:
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with LOSING:
            self._stream.flush()


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


def configure(settings: Settings) -> None:
    level = getattr(logging, settings.log_level.upper())
    structlog.configure(
        processors=[_as_json] if settings.log_format == "json" else _for_people(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(LossyStream(sys.stderr)),  # type: ignore[arg-type]
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=max(level, logging.WARNING), stream=sys.stderr)
