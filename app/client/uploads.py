"""Uploading: one request for each part, and one report of them all."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Any

from app.client import parts
from app.client.answers import Upload
from app.client.bodies import Body, Form
from app.client.errors import ClientError, Invalid, NotUnderstood, RowError, TooLarge
from app.client.parts import Part, Room
from app.client.requests import Answer, Request
from app.client.retries import Ask, Flow, Work
from app.client.sources import Source, opened

PART_BYTES = 50_000_000  # what an installation takes, unless it says otherwise
COUNTS = ("received", "stored", "duplicates", "replaced", "rejected")

OnProgress = Callable[[int, int | None], None]
"""Told how much is sent, and of how much if that is known: bytes of files, rows of others."""


def upload(
    ask: Ask,
    data: Any,
    route: str,
    names: Mapping[str, str],
    query: Mapping[str, Any],
    form: Form | None,
    compress: bool,
    part_bytes: int,
    on_progress: OnProgress | None,
) -> Flow[Upload]:
    """All parts, one after the other; an error of one ends it, and says what was stored before."""
    with ExitStack() as stack:
        source = yield Work(lambda: stack.enter_context(opened(data, form)))
        sending = _Sending(ask, source, route, names, query, Room(part_bytes), on_progress)
        cut = parts.parts(source, sending.room, compress)
        while part := (yield Work(partial(next, cut, None))):
            yield from sending.part(part)
        return sending.total


class _Sending:
    def __init__(
        self,
        ask: Ask,
        source: Source,
        route: str,
        names: Mapping[str, str],
        query: Mapping[str, Any],
        room: Room,
        on_progress: OnProgress | None,
    ) -> None:
        self._ask, self._source, self._on_progress = ask, source, on_progress
        self._route, self._names, self._query = route, names, query
        self.room, self.total = room, Upload()

    def part(self, part: Part) -> Flow[None]:
        """Sent; or if the service takes no part as large, in smaller ones."""
        try:
            report = yield from self._ask(self._request(part))
        except TooLarge:
            self.room.most_bytes = max(part.text_bytes // 2, 1)
            cut = parts.smaller(part, self.room)
            while one := (yield Work(partial(next, cut, None))):
                if one.text_bytes >= part.text_bytes:  # JSON, or a single record
                    raise
                yield from self.part(one)
            return
        except ClientError as error:
            self._place(error, part)
            raise
        finally:
            if part.file is not self._source.file:
                part.file.close()
        self.total = _sum(self.total, self._moved(report, part))

    def _request(self, part: Part) -> Request[Upload]:
        body = Body(part.file, part.size_bytes, part.form, part.is_gzip, partial(self._tell, part))
        return Request(
            "POST", self._route, _report, self._names, self._query, body=body, headers=body.headers
        )

    def _tell(self, part: Part, sent_bytes: int) -> None:
        if self._on_progress:
            done = part.units * sent_bytes // max(part.size_bytes, 1)
            self._on_progress(part.units_before + done, self._source.units)

    def _row(self, row: int, part: Part) -> int:
        return row + part.lines_before - self._source.first_row

    def _moved(self, report: Upload, part: Part) -> Upload:
        errors = tuple(replace(one, row=self._row(one.row, part)) for one in report.errors)
        return replace(report, errors=errors)

    def _place(self, error: ClientError, part: Part) -> None:
        """By the rows of the source."""
        if self.total.parts:
            error.stored = self.total
            error.add_note(
                f"The parts before brought {self.total.stored} points, which are stored."
            )
        listed = error.problem.get("errors") if isinstance(error, Invalid) else None
        for one in listed or ():
            if "row" in one:
                one["row"] = self._row(int(one["row"]), part)


def _report(answer: Answer) -> Upload:
    given = answer.json()
    try:
        errors = tuple(
            RowError(one["row"], one["column"], one["message"]) for one in given["errors"]
        )
        counts = {name: int(given[name]) for name in COUNTS}
        return Upload(errors=errors, job=given["job"], parts=1, **counts)
    except (KeyError, TypeError) as error:
        raise NotUnderstood(f"No report of an upload: {error!r}") from None


def _sum(one: Upload, other: Upload) -> Upload:
    counts = {name: getattr(one, name) + getattr(other, name) for name in COUNTS}
    errors, job = one.errors + other.errors, other.job or one.job
    return Upload(errors=errors, job=job, parts=one.parts + other.parts, **counts)
