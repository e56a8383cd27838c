"""Every detector over every file with every seed, on all cores, with what is known left out."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from threadpoolctl import threadpool_limits

from benchmarks.provenance import ROOT, fingerprint
from benchmarks.quality import data as files
from benchmarks.quality.cache import Cache
from benchmarks.quality.detectors import Detector, Judged, judged
from benchmarks.quality.ranking import is_ready, ranked

METRICS = (
    ROOT / "requirements-quality.lock",
    ROOT / "benchmarks/quality/ranking.py",
    ROOT / "benchmarks/quality/ranking_process.py",
)
LOGGED_RUNS = 50  # where there is no terminal for a bar, a line each so many


@dataclass(frozen=True)
class Run:
    """One detector over one file with one seed."""

    detector: Detector
    seed: int
    collection: str
    name: str


@dataclass(frozen=True)
class Desk:
    """Where runs find their data and leave their results. versions: of what a detector's answers
    depend on, by its `replayed`; metrics: of the code that ranks.
    """

    data: Path
    cache: Cache
    versions: Mapping[str, str]
    metrics: str

    @classmethod
    def made(cls, data: Path, cache: Cache, detectors: list[Detector]) -> Desk:
        versions = {detector.replayed: detector.fingerprint() for detector in detectors}
        return cls(data, cache, versions, fingerprint(METRICS)[:8])

    def key(self, run: Run) -> str:
        """Where the answers of a run lie: the same for the same detector, seed and file."""
        content = (self.data / run.collection / run.name).read_bytes()
        replayed = run.detector.replayed
        return "/".join(
            [
                f"{replayed}-{self.versions[replayed]}",
                f"seed-{run.seed}",
                run.collection,
                f"{Path(run.name).stem}-{hashlib.sha256(content).hexdigest()[:8]}",
            ]
        )

    def judged(self, run: Run) -> Judged:
        """The answers of a run, from the cache or made now."""
        found = self.cache.judged(self.key(run))
        return found or self._judge([run])[0]

    def _judge(self, batch: Sequence[Run]) -> list[Judged]:
        """Runs over the same file with the same seed, from one replay."""
        series = files.read(self.data, batch[0].collection, batch[0].name)
        by_point = judged([run.detector for run in batch], series.points, batch[0].seed)
        rows = series.place
        found = [Judged(one.score[rows], one.alarm[rows], one.inside[rows]) for one in by_point]
        for run, one in zip(batch, found, strict=True):
            self.cache.keep_judged(self.key(run), one)
        return found

    def ranked(self, run: Run) -> dict[str, float]:
        """How well the scores of a run rank, from the cache or made now."""
        key = f"{self.key(run)}-{self.metrics}"
        found = self.cache.figures(key)
        if found is None:
            series = files.read(self.data, run.collection, run.name)
            field = series.points.values[series.place, 0]
            found = ranked(self.judged(run).score, series.labels, field)
            self.cache.keep_figures(key, found)
        return found

    def is_done(self, run: Run) -> bool:
        """Whether all of a run is in the cache."""
        if run.collection == "nab" or not is_ready():
            return self.cache.judged(self.key(run)) is not None
        return self.cache.figures(f"{self.key(run)}-{self.metrics}") is not None

    def do(self, batch: Sequence[Run]) -> None:
        """Make what is missing of runs that share a replay."""
        missing = [run for run in batch if self.cache.judged(self.key(run)) is None]
        if missing:
            self._judge(missing)
        for run in batch:
            if run.collection != "nab" and is_ready():
                self.ranked(run)


def batches(
    detectors: list[Detector], seeds: list[int], names: Mapping[str, list[str]]
) -> Iterator[tuple[Run, ...]]:
    """All runs; those that share a replay together. What a part is worth, the first seed shows."""
    rows = {detector.replayed: detector for detector in reversed(detectors)}
    ordered = [row for row in detectors if rows[row.replayed] is row]
    for seed in seeds:
        asked = [row for row in ordered if not row.without or seed == seeds[0]]
        groups = [[row for row in asked if row.is_ours], [row for row in asked if not row.is_ours]]
        for group in (group for group in groups if group):
            for collection, files_of in names.items():
                for name in files_of:
                    yield tuple(Run(row, seed, collection, name) for row in group)


def do_all(desk: Desk, wanted: list[tuple[Run, ...]], processes: int, console: Console) -> None:
    """Do the runs that are not done yet, the longest first, so that no core waits at the end."""
    missing = [batch for batch in wanted if not all(desk.is_done(run) for run in batch)]
    missing.sort(key=lambda batch: -files.rows(desk.data, batch[0].collection, batch[0].name))
    with (
        _progress(console) as bar,
        ProcessPoolExecutor(processes, get_context("spawn"), _begin) as pool,
    ):
        task = bar.add_task("Judging", total=len(wanted), completed=len(wanted) - len(missing))
        waiting = {pool.submit(desk.do, batch): batch for batch in missing}
        try:
            for done, future in enumerate(as_completed(waiting), 1):
                future.result()
                bar.update(task, advance=1, description=waiting[future][0].detector.name)
                if not console.is_terminal and done % LOGGED_RUNS == 0:
                    console.print(f"{done} of {len(missing)}", highlight=False)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _begin() -> None:
    """In a worker: one thread for mathematics, and an end when its parent ends, however it does."""
    threadpool_limits(1)
    parent = parent_process()
    assert parent is not None

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )
