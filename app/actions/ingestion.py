"""Store points that came in bulk, without scoring them: all of an upload, or nothing of it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from app import metrics
from app.actions import ahead, fields, quotas, retraining
from app.actions.parts import Parts
from app.errors import Conflict, Invalid, NotFound, RowError
from app.ingest.chunk import Chunk
from app.metrics import numbers
from app.store import Connection, audit, series, staging
from app.store.audit import SERVICE, Actor
from app.store.jobs import Job
from app.store.judging import Writes
from app.store.series import Series
from app.store.staging import Span
from app.store.transaction import Transaction

SHOWN_ERRORS = 100
OnError = Literal["refuse", "skip"]
OnConflict = Literal["refuse", "replace"]


@dataclass
class Report:
    """What became of the rows; `errors` are the first of them."""

    received: int = 0
    stored: int = 0
    duplicates: int = 0
    replaced: int = 0
    rejected: int = 0
    errors: list[RowError] = field(default_factory=list)
    job: UUID | None = None


def store(
    parts: Parts,
    tenant_id: UUID,
    chunks: Iterable[Chunk],
    name: str | None,
    on_error: OnError = "refuse",
    on_conflict: OnConflict = "refuse",
    is_creating: bool = False,
    *,
    by: Actor = SERVICE,
) -> Report:
    """Chunks of one series (`name`), or of many, each row then naming its own."""
    with parts.database.tenant(tenant_id) as connection:
        upload = _Upload(parts, connection, tenant_id, name, is_creating, by)
        staging.begin(connection)

        def take(chunk: Chunk) -> bool:
            upload.take(chunk)
            return on_error == "skip" or len(upload.report.errors) < SHOWN_ERRORS

        ahead.work_on_each(chunks, take)  # Postgres takes one in while the next is parsed
        if on_error == "refuse" and upload.report.rejected:
            raise Invalid(
                "Rows are not valid, and nothing was stored; on_error=skip stores the others",
                upload.report.errors[:SHOWN_ERRORS],
            )
        upload.finish(on_conflict)
        if upload.made:
            quotas.hold_series(parts, connection, tenant_id, upload.made)
    metrics.note(numbers.POINTS_UPLOADED, upload.report.stored)
    retraining.wake(parts, upload.trainings)
    upload.report.errors.sort(key=lambda error: error.row)
    del upload.report.errors[SHOWN_ERRORS:]
    return upload.report


class _Upload:
    """One upload in its transaction: rows are put aside first, and stored at the end at once."""

    def __init__(
        self,
        parts: Parts,
        connection: Connection,
        tenant_id: UUID,
        name: str | None,
        is_creating: bool,
        by: Actor,
    ) -> None:
        self.parts = parts
        self.connection, self.tenant_id, self.is_creating = connection, tenant_id, is_creating
        self.by = by
        self.report = Report()
        self.series: dict[str, Series] = {}
        self.spans: dict[UUID, Span] = {}
        self.trainings: list[Job] = []
        self.made = 0
        self.only = series.by_name(connection, tenant_id, name) if name is not None else None

    def take(self, chunk: Chunk) -> None:
        self.report.received += chunk.received
        self._reject(chunk.errors)
        if not len(chunk.times):
            return
        if self.only is not None:
            values = fields.arranged(self.only, chunk.columns, chunk.values, needs_all=True)
            self._stage(self.only, chunk.rows, chunk.times, values)
            return
        assert chunk.series is not None
        for name in np.unique(chunk.series.astype(str)).tolist():
            self._take_series(name, chunk, chunk.series == name)

    def _take_series(self, name: str, chunk: Chunk, mine: NDArray[np.bool_]) -> None:
        rows = chunk.rows[mine]
        try:
            of = self._resolve(name, chunk, mine)
        except NotFound:
            message = f"there is no series {name}; ?create=true makes those that are missing"
            self._reject([RowError(int(row), "series", message) for row in rows])
            return
        values, bad = _of_many_series(of, chunk, mine)
        self._reject(bad)
        good = ~np.isin(rows, [error.row for error in bad])
        self._stage(of, rows[good], chunk.times[mine][good], values[good])

    def _stage(
        self,
        of: Series,
        rows: NDArray[np.int64],
        times: NDArray[np.int64],
        values: NDArray[np.float64],
    ) -> None:
        if not len(times):
            return
        staging.stage(self.connection, rows, of.id, times, values)
        before, span = self.spans.get(of.id), Span.of(times)
        self.spans[of.id] = before.then(span) if before else span

    def _resolve(self, name: str, chunk: Chunk, mine: NDArray[np.bool_]) -> Series:
        if name not in self.series:
            self.series[name] = self._find_or_make(name, chunk, mine)
        return self.series[name]

    def _find_or_make(self, name: str, chunk: Chunk, mine: NDArray[np.bool_]) -> Series:
        try:
            return series.by_name(self.connection, self.tenant_id, name)
        except NotFound:
            if not self.is_creating:
                raise
        columns = fields.of_new_series(name, chunk.columns, chunk.values[mine])
        quotas.refuse_more_series(self.parts, self.connection, self.tenant_id)
        try:
            made = series.add(self.connection, self.tenant_id, name, fields=columns)
        except Conflict:  # another upload made it just now
            return series.by_name(self.connection, self.tenant_id, name)
        self.made += 1
        audit.add(self.connection, self.tenant_id, self.by, "series.created", made.id)
        return made

    def _reject(self, errors: Iterable[RowError]) -> None:
        for error in errors:
            self.report.rejected += 1
            if len(self.report.errors) < SHOWN_ERRORS:
                self.report.errors.append(error)

    def finish(self, on_conflict: OnConflict) -> None:
        names = [self.only.name] if self.only else list(self.series)
        locked = series.lock(self.connection, self.tenant_id, names)
        missing = set(names) - set(locked)
        if missing:
            raise NotFound(f"The series {min(missing)} was removed while its points came in")
        report = self.report
        stored = self._insert(on_conflict)
        report.stored = sum(stored.values())
        quotas.refuse_more_points(self.parts, self.connection, self.tenant_id, report.stored)
        if on_conflict == "refuse" and report.stored < report.received - report.rejected:
            self._reject_conflicts()
        report.duplicates = report.received - report.rejected - report.stored - report.replaced
        self._note(list(locked.values()), stored)
        report.job = retraining.under_way(self.connection, self.tenant_id, locked.values())

    def _insert(self, on_conflict: OnConflict) -> dict[UUID, int]:
        """-> how many were stored of each series."""
        if staging.is_new(self.connection, self.tenant_id, self.spans):
            staging.insert_all(self.connection, self.tenant_id)
            return {series_id: span.rows for series_id, span in self.spans.items()}
        last_wins = on_conflict == "replace"
        if last_wins:
            self.report.replaced = staging.replace(self.connection, self.tenant_id)
        return staging.insert(self.connection, self.tenant_id, last_wins)

    def _reject_conflicts(self) -> None:
        found = staging.conflicts(self.connection, self.tenant_id, SHOWN_ERRORS)
        self.report.rejected += found.total
        message = "conflict: there is a point of this time with another value"
        self.report.errors += [RowError(line, None, message) for line in found.lines]

    def _note(self, locked: list[Series], stored: dict[UUID, int]) -> None:
        writes, spans = Writes(self.tenant_id), self.spans
        changed = [
            one for one in locked if one.id in spans and (one.id in stored or self.report.replaced)
        ]
        for one in changed:
            span = spans[one.id]
            writes.grown(one, stored.get(one.id, 0), span.first_ns, span.last_ns)
        writes.flush(Transaction.of(self.connection))
        for one in changed:
            self.trainings += retraining.ask_if_due(
                self.connection, one, stored.get(one.id, 0), spans[one.id].last_ns
            )


def _of_many_series(
    of: Series, chunk: Chunk, mine: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], list[RowError]]:
    """The rows of one series; columns of other series may stand beside, and must be empty here."""
    columns = fields.named(of, chunk.columns)
    rows, given = chunk.rows[mine], chunk.values[mine]
    values = np.full((len(rows), len(of.fields)), np.nan)
    bad: dict[int, RowError] = {}
    for column, name in enumerate(columns):
        if name in of.fields:
            values[:, of.fields.index(name)] = given[:, column]
            continue
        message = fields.unknown(of, name)
        for row in rows[~np.isnan(given[:, column])].tolist():
            bad.setdefault(row, RowError(row, name, message))
    return values, list(bad.values())
