"""`python -m benchmarks.cost`: time the detector beside plain scikit-learn and print the table."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable
from pathlib import Path

from rich.console import Console
from threadpoolctl import threadpool_limits

from benchmarks.cost.parts import shares
from benchmarks.cost.training import trainings
from benchmarks.cost.workloads import Cost, batched, replayed, stored, streamed
from benchmarks.provenance import ROOT, provenance
from benchmarks.tables import Table, put_between, wide_console

RESULTS = ROOT / "benchmarks/results"
MARKER = "cost"
STEPS: tuple[Callable[[], Iterable[Cost]], ...] = (
    streamed,
    lambda: streamed(fields=16),
    batched,
    trainings,
    stored,
    replayed,
)
NOTES = (
    "Reference: scikit-learn's `IsolationForest` on the raw values, in the same run: "
    "`score_samples` on one row, on 10,000 rows, `fit` on 10,000 rows. The series is a noisy daily "
    "sine, trained on 10,000 points. BLAS and OpenMP have one thread."
)


def main() -> None:
    asked, console = _asked(), wide_console()
    costs = _measured(console)
    by_module = shares()
    table, origin = tabled(costs), provenance()
    text = "\n\n".join([NOTES, _shared(by_module), _origin(origin)])
    table.show(console)
    console.print(text, highlight=False, soft_wrap=True)
    found = {"origin": origin, "costs": [vars(cost) for cost in costs], "shares": by_module}
    asked.results.mkdir(parents=True, exist_ok=True)
    markdown = f"{table.markdown()}\n\n{text}\n"
    (asked.results / "cost.md").write_text(f"# Cost\n\n{markdown}")
    (asked.results / "cost.json").write_text(json.dumps(found, indent=1) + "\n")
    if asked.write_readme:
        put_between(ROOT / "README.md", MARKER, markdown)


def tabled(costs: list[Cost]) -> Table:
    """A row for each cost: ours, the reference's, how many times that."""
    rows = [
        (
            cost.name,
            f"{number(cost.value)} {cost.unit}",
            "" if cost.reference is None else f"{number(cost.reference)} {cost.unit}",
            "" if cost.ratio is None else f"{number(cost.ratio)} x",
        )
        for cost in costs
    ]
    return Table(("cost", "ours", "scikit-learn", "ratio"), tuple(rows))


def number(value: float) -> str:
    """Three digits that matter, none of them after the point from 100 on."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _measured(console: Console) -> list[Cost]:
    costs: list[Cost] = []
    with threadpool_limits(1), console.status("Timing") as status:
        for step in STEPS:
            for cost in step():
                costs.append(cost)
                status.update(f"Timed: {cost.name}")
    return costs


def _shared(by_module: dict[str, float]) -> str:
    told = [f"{name} {share:.0%}" for name, share in by_module.items() if share >= 0.01]
    return f"Of a streamed point's time, by the profiler: {', '.join(told)}."


def _origin(origin: dict[str, str]) -> str:
    return "; ".join(f"{name} {value}" for name, value in origin.items()) + "."


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cost", description=__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--write-readme", action="store_true", help="put the table there too")
    return parser.parse_args()


if __name__ == "__main__":
    main()
