"""Log lines: JSON, one for each event, with the ids that bind them to a request or a job."""

import contextlib
import json
import logging
import sys
from typing import Any, TextIO

import orjson
import structlog

from app.settings import Settings


class LossyStream:
    """Where a line cannot be written, as on a full disk, it is lost: what it tells of is not."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.flush()


def _written(line: Any, **options: Any) -> str:
    try:
        return orjson.dumps(line, options["default"]).decode()
    except TypeError:  # text that is no text: half a surrogate pair, which somebody sent
        return json.dumps(line, **options)


def configure(settings: Settings) -> None:
    level = getattr(logging, settings.log_level.upper())
    renderer = (
        structlog.processors.JSONRenderer(_written)
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(LossyStream(sys.stderr)),  # type: ignore[arg-type]
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=max(level, logging.WARNING), stream=sys.stderr)
