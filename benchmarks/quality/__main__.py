"""`python -m benchmarks.quality`: the detectors over the labelled series, as a table."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from rich.console import Console

from benchmarks.provenance import ROOT, provenance
from benchmarks.quality import data as files
from benchmarks.quality import report
from benchmarks.quality.cache import Cache
from benchmarks.quality.detectors import detectors
from benchmarks.quality.figures import Row, row
from benchmarks.quality.ranking import is_ready
from benchmarks.quality.runs import Desk, batches, do_all
from benchmarks.tables import put_between, wide_console

DATA = ROOT.parent / "shared/data"
RESULTS = ROOT / "benchmarks/results"
CACHE = ROOT / "benchmarks/.cache"
MARKER = "quality"


def main() -> None:
    asked, console = _asked(), wide_console()
    names = files.names(asked.data, asked.short)
    if not names:
        console.print(f"Quality was not measured: no labelled series under {asked.data} (--data)")
        return
    if not is_ready():
        console.print("UCR and SKAB are left out: `make quality` builds what ranks them")
    rows = _rows(asked, names, console)
    origin = provenance()
    text = report.notes(names, asked.seeds, origin)
    console.print()
    if asked.short:  # on a few files, figures are not those that are published of all
        report.table(rows, published={}).show(console)
    else:
        report.table(rows).show(console)
        _keep(report.markdown(rows, text), asked, rows, names, origin)
    console.print(text, highlight=False, soft_wrap=True)


def _rows(asked: argparse.Namespace, names: dict[str, list[str]], console: Console) -> list[Row]:
    chosen = [d for d in detectors(asked.short) if not asked.only or d.name in asked.only]
    desk = Desk.made(asked.data, Cache(CACHE), chosen)
    do_all(desk, list(batches(chosen, asked.seeds, names)), asked.processes, console)
    return [row(desk, d, asked.seeds[:1] if d.without else asked.seeds, names) for d in chosen]


def _keep(
    text: str,
    asked: argparse.Namespace,
    rows: list[Row],
    names: dict[str, list[str]],
    origin: dict[str, str],
) -> None:
    report.write(asked.results, text, report.document(rows, names, asked.seeds, origin))
    if asked.write_readme:
        put_between(ROOT / "README.md", MARKER, text)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with nab/, ucr/, skab/")
    parser.add_argument("--short", action="store_true", help="a few files, two rows, one seed")
    parser.add_argument("--seeds", type=_seeds, help="such as 0,1,2, which is the default")
    parser.add_argument("--only", action="append", metavar="NAME", help="rows, by their names")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--write-readme", action="store_true", help="put the table there too")
    asked = parser.parse_args()
    asked.seeds = asked.seeds or ([0] if asked.short else [0, 1, 2])
    return asked


def _seeds(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


if __name__ == "__main__":
    main()
