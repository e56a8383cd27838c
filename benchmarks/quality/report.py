"""The figures as a table and as JSON, with where they come from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.quality.figures import Row
from benchmarks.quality.halves import SPLITS
from benchmarks.quality.published import PUBLISHED
from benchmarks.tables import Table

# figure: its head in the table, and its decimals
COLUMNS: Mapping[str, tuple[str, int]] = {
    "nab_standard": ("NAB standard", 1),
    "nab_reward_low_FP": ("NAB low FP", 1),
    "nab_reward_low_FN": ("NAB low FN", 1),
    "nab_halves": ("NAB halves", 1),
    "nab_halves_sd": ("sd of halves", 1),
    "band": ("in band %", 1),
    "band_worst": ("worst file %", 1),
    "ucr_vus_pr": ("UCR VUS-PR", 3),
    "ucr_auc_pr": ("UCR AUC-PR", 3),
    "skab_vus_pr": ("SKAB VUS-PR", 3),
    "skab_auc_pr": ("SKAB AUC-PR", 3),
}


def table(rows: list[Row], published: Mapping[str, Mapping[str, float]] = PUBLISHED) -> Table:
    """What was run here, then what is published; figures that no row has get no column."""
    having = [*(row.by_seed for row in rows), *published.values()]
    shown = [figure for figure in COLUMNS if any(figure in figures for figures in having)]
    run = [(row.name, *(_measured(row, figure) for figure in shown)) for row in rows]
    known = [
        (name, *(_number(figures.get(figure), figure) for figure in shown))
        for name, figures in published.items()
    ]
    return Table(("detector", *(COLUMNS[figure][0] for figure in shown)), (*run, *known))


def notes(names: Mapping[str, list[str]], seeds: list[int], origin: Mapping[str, str]) -> str:
    """What the columns mean and where the figures come from, as a paragraph each."""
    counts = {k: len(names.get(k, ())) for k in ("nab", "ucr", "skab")}
    seeded = f"seeds {', '.join(map(str, seeds))}" if len(seeds) > 1 else f"seed {seeds[0]}"
    return "\n\n".join(
        [
            f"Mean ± standard deviation over the seeds; {seeded}, of rows without a part the "
            "first. Each point is judged as it streams in, by what came before it; the first "
            "training after 15 % of a file, 750 points at most. Rows marked published or measured "
            "apart were not run here.",
            f"NAB: {counts['nab']} files; 0 says nothing, 100 is perfect; one threshold for all "
            "files, the best in hindsight, as that benchmark defines it. NAB halves: the threshold "
            f"chosen on a random half of the files and scored on the other, {SPLITS} splits both "
            "ways round; beside it the standard deviation of these scores. "
            "In band: normal points, outside the labelled windows of NAB, between lower and upper, "
            "which are to hold 99 %; mean over the files, and the worst file. "
            f"UCR: {counts['ucr']} series; SKAB: {counts['skab']} runs of 8 fields; mean over the "
            "files, whole series, no threshold. VUS-PR by TSB-AD's code, with widths up to the "
            "strongest autocorrelation of the (first) field.",
            "; ".join(f"{name} {value}" for name, value in origin.items()) + ".",
        ]
    )


def markdown(rows: list[Row], text: str) -> str:
    return f"{table(rows).markdown()}\n\n{text}\n"


def document(
    rows: list[Row],
    names: Mapping[str, list[str]],
    seeds: list[int],
    origin: Mapping[str, str],
) -> dict[str, Any]:
    """All figures as JSON."""
    return {
        "origin": dict(origin),
        "seeds": seeds,
        "files": {collection: len(found) for collection, found in names.items()},
        "rows": [_document(row) for row in rows],
        "published": {name: dict(figures) for name, figures in PUBLISHED.items()},
    }


def write(folder: Path, markdown_text: str, found: dict[str, Any]) -> None:
    """`quality.md` and `quality.json` in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "quality.md").write_text(f"# Quality\n\n{markdown_text}")
    (folder / "quality.json").write_text(json.dumps(found, indent=1) + "\n")


def _document(row: Row) -> dict[str, Any]:
    figures = {
        figure: {"mean": row.mean(figure), "spread": row.spread(figure), "by_seed": values}
        for figure, values in row.by_seed.items()
    }
    return {"name": row.name, "figures": figures, "vus_pr_of_series": dict(row.series)}


def _measured(row: Row, figure: str) -> str:
    if figure not in row.by_seed:
        return ""
    spread = row.spread(figure)
    mean = _number(row.mean(figure), figure)
    return mean if spread is None else f"{mean} ± {_number(spread, figure)}"


def _number(value: float | None, figure: str) -> str:
    return "" if value is None else f"{value:.{COLUMNS[figure][1]}f}"
