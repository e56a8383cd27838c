"""`make bench`: measure the service beside its references, print one table, and keep it.

Rows are named to run them alone: `python -m benchmarks.service scoring --series 200 --seconds 10`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.installation import started
from benchmarks.provenance import ROOT, provenance
from benchmarks.service import (
    batches,
    browsing,
    charts,
    first,
    growth,
    history,
    scoring,
    starting,
    training,
    uploading,
)
from benchmarks.service.figures import Figure, tabled, told
from benchmarks.service.scale import SHORT, Scale
from benchmarks.service.scene import Scene
from benchmarks.tables import put_between, wide_console

RESULTS = ROOT / "benchmarks/results"
MARKER = "service"
MEASURED = ("app", "workers", "migrations", "benchmarks", "requirements.lock")
Row = Callable[[Scene], Iterator[Figure]]
# The trainings of many series come first, since others need these; what fills the tables, last.
ROWS: Mapping[str, Row] = {
    "starting": starting.figures,
    "trainings": training.many,
    "training": training.one,
    "scoring": scoring.figures,
    "batches": batches.figures,
    "first": first.figures,
    "browsing": browsing.figures,
    "uploading": uploading.figures,
    "growth-series": growth.by_series,
    "growth-scores": growth.by_scores,
    "history": history.figures,
    "charts": charts.figures,
    "beyond-memory": growth.beyond_memory,
}
WRK, CHROMIUM = "wrk", "chromium"
NEED_WRK = ("scoring", "growth-series", "growth-scores", "beyond-memory")
NEEDS = {**dict.fromkeys(NEED_WRK, WRK), "browsing": CHROMIUM}


def main() -> None:
    # Asked to end, it stops the installation first.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended before all was measured"))
    asked, console = _asked(), wide_console()
    scale = _scale(asked)
    load_before = f"{os.getloadavg()[0]:.1f}"
    figures, failed = _measured(asked, scale, console)
    table, origin = tabled(figures), provenance(MEASURED) | {"load before": load_before}
    text = f"{told(scale)}\n\n{'; '.join(f'{name} {value}' for name, value in origin.items())}."
    table.show(console)
    console.print(text, highlight=False, soft_wrap=True)
    is_whole = not (asked.short or asked.rows or failed)
    if results := asked.results or (RESULTS if is_whole else None):
        found = {"origin": origin, "scale": vars(scale), "figures": [f.as_json() for f in figures]}
        results.mkdir(parents=True, exist_ok=True)
        (results / "service.md").write_text(f"# Service\n\n{table.markdown()}\n\n{text}\n")
        (results / "service.json").write_text(json.dumps(found, indent=1) + "\n")
    if asked.write_readme:
        put_between(ROOT / "README.md", MARKER, f"{table.markdown()}\n\n{text}")
    if failed:
        sys.exit(f"Not measured: {', '.join(failed)}")


def _measured(
    asked: argparse.Namespace, scale: Scale, console: Console
) -> tuple[list[Figure], list[str]]:
    """The figures, and the names of the rows that failed."""
    figures: list[Figure] = []
    failed: list[str] = []
    with started(asked.folder) as installation:
        scene = Scene(installation, scale, lambda line: console.print(line, highlight=False))
        for name in runnable(asked.rows or ROWS, shutil.which, scene.tell):
            scene.tell(f"{datetime.now(UTC):%H:%M:%S} {name} is measured")
            try:
                figures += ROWS[name](scene)
            except Exception:  # the others are told all the same
                traceback.print_exc()
                failed.append(name)
    return figures, failed


def runnable(
    names: Iterable[str], found: Callable[[str], object], tell: Callable[[str], None]
) -> Iterator[str]:
    """Those whose tools are found here; the others are told of."""
    for name in names:
        tool = NEEDS.get(name)
        if tool is None or found(tool):
            yield name
        else:
            tell(f"{name} is left out: {tool} is not installed (Debian: apt install {tool})")


def _scale(asked: argparse.Namespace) -> Scale:
    given: dict[str, Any] = {one.name: getattr(asked, one.name) for one in fields(Scale)}
    given = {name: found for name, found in given.items() if found is not None}
    return replace(SHORT if asked.short else Scale(), **given)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.service", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="row", help=f"of {', '.join(ROWS)}; else all")
    parser.add_argument("--short", action="store_true", help="little of everything, in minutes")
    parser.add_argument("--folder", type=Path, help="an installation that stays, seeded once")
    parser.add_argument("--results", type=Path, help="folder; else that of a whole run alone")
    parser.add_argument("--write-readme", action="store_true", help="put the table there too")
    for one in fields(Scale):
        parser.add_argument(f"--{one.name.replace('_', '-')}", type=type(one.default))
    asked = parser.parse_args()
    if unknown := set(asked.rows) - set(ROWS):
        parser.error(f"no rows: {', '.join(sorted(unknown))}; there are {', '.join(ROWS)}")
    return asked


if __name__ == "__main__":
    main()
