"""Every detector over every file with every seed, on all cores, with what is known left out."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator, Mapping
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
from benchmarks.quality.detectors import Detector, Judged
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
        key = self.key(run)
        found = self.cache.judged(key)
        if found is None:
            series = files.read(self.data, run.collection, run.name)
            by_point = run.detector.judge(series.points, run.seed)
            rows = series.place
            found = Judged(by_point.score[rows], by_point.alarm[rows], by_point.inside[rows])
            self.cache.keep_judged(key, found)
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

    def do(self, run: Run) -> None:
        """Make what is missing of a run."""
        self.judged(run)
        if run.collection != "nab" and is_ready():
            self.ranked(run)


def runs(
    detectors: list[Detector], seeds: list[int], names: Mapping[str, list[str]]
) -> Iterator[Run]:
    """All runs; rows that share a replay share their runs."""
    by_replay = {detector.replayed: detector for detector in reversed(detectors)}
    for detector in by_replay.values():
        for seed in seeds:
            for collection, files_of in names.items():
                for name in files_of:
                    yield Run(detector, seed, collection, name)


def do_all(desk: Desk, wanted: list[Run], processes: int, console: Console) -> None:
    """Do the runs that are not done yet, the longest first, so that no core waits at the end."""
    missing = [run for run in wanted if not desk.is_done(run)]
    missing.sort(key=lambda run: -files.rows(desk.data, run.collection, run.name))
    with (
        _progress(console) as bar,
        ProcessPoolExecutor(processes, get_context("spawn"), _begin) as pool,
    ):
        task = bar.add_task("Judging", total=len(wanted), completed=len(wanted) - len(missing))
        waiting = {pool.submit(desk.do, run): run for run in missing}
        try:
            for done, future in enumerate(as_completed(waiting), 1):
                future.result()
                bar.update(task, advance=1, description=waiting[future].detector.name)
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
