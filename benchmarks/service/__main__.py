"""`make bench`: measure the service beside its references, print one table, and keep it.

Rows are named to run them alone: `python -m benchmarks.service scoring --series 200 --seconds 10`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from benchmarks.installation import started
from benchmarks.provenance import ROOT, provenance
from benchmarks.service import load, scoring
from benchmarks.service.figures import Figure, tabled
from benchmarks.service.scene import SHORT, Scale, Scene
from benchmarks.tables import put_between, wide_console

RESULTS = ROOT / "benchmarks/results"
MARKER = "service"
Row = Callable[[Scene], Iterator[Figure]]
ROWS: Mapping[str, Row] = {"scoring": scoring.figures}
NEED_WRK = frozenset({"scoring"})


def main() -> None:
    asked, console = _asked(), wide_console()
    figures = list(_measured(asked, console))
    table, origin = tabled(figures), provenance()
    told = "; ".join(f"{name} {value}" for name, value in origin.items()) + "."
    table.show(console)
    console.print(told, highlight=False, soft_wrap=True)
    if not asked.keep:
        return
    found = {"origin": origin, "figures": [figure.as_json() for figure in figures]}
    (RESULTS / "service.json").write_text(json.dumps(found, indent=1) + "\n")
    (RESULTS / "service.md").write_text(f"# Service\n\n{table.markdown()}\n\n{told}\n")
    put_between(ROOT / "README.md", MARKER, f"{table.markdown()}\n\n{told}")


def _measured(asked: argparse.Namespace, console: Console) -> Iterator[Figure]:
    scale = SHORT if asked.short else Scale()
    given = {name: getattr(asked, name) for name in vars(scale)}
    scale = replace(scale, **{name: found for name, found in given.items() if found is not None})
    with started(asked.folder) as installation:
        scene = Scene(installation, scale, lambda line: console.print(line, highlight=False))
        for name in asked.rows or ROWS:
            if name in NEED_WRK and not load.is_there():
                scene.tell(f"{name} is left out: wrk is not installed (Debian: apt install wrk)")
                continue
            scene.tell(f"{name} is measured")
            yield from ROWS[name](scene)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.service", description=__doc__)
    parser.add_argument("rows", nargs="*", choices=[*ROWS, []], help="all, where none is named")
    parser.add_argument("--short", action="store_true", help="little of everything, in minutes")
    parser.add_argument("--folder", type=Path, help="an installation that stays, seeded once")
    parser.add_argument("--keep", action="store_true", help="write results and README")
    for name, default in vars(Scale()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(default))
    return parser.parse_args()


if __name__ == "__main__":
    main()
