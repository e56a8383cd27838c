"""What the service's benchmark computes of what it measured."""

import os
import subprocess
import sys

import numpy as np
import pytest

from app.detection import Points, Settings, fit
from benchmarks import processes
from benchmarks.memory import shared_mb
from benchmarks.provenance import ROOT
from benchmarks.references.forests import FEATURES
from benchmarks.service.__main__ import NEEDS, ROWS, runnable
from benchmarks.service.figures import HEAD, Figure, Reach, Reference, tabled
from benchmarks.service.load import Load, measured, sound
from benchmarks.service.scale import SHORT, Scale
from benchmarks.service.seeding import history
from benchmarks.service.uploading import written

PRINTED = """Running 5s test @ http://127.0.0.1:8080
  2 threads and 32 connections
Requests/sec:    500.00
MEASURED {"requests": 2500, "seconds": 5.0, "refused": 0, "lost": 0, "p50_ms": 60.5, "p99_ms": 90.0}
"""
LOAD = Load(2500, 5.0, 0, 0, 60.5, 90.0)
FIGURE = Figure("scores", 1000.0, "/s", Reference("insert", 8000.0), Reach(least=0.13), 20.0, 31.5)


def test_what_the_script_printed_is_found_among_the_lines_of_wrk() -> None:
    assert measured(PRINTED) == LOAD
    assert LOAD.per_s == 500.0


@pytest.mark.parametrize("printed", ["", PRINTED + PRINTED])
def test_output_without_just_one_measurement_is_refused(printed: str) -> None:
    with pytest.raises(ValueError, match="not one"):
        measured(printed)


@pytest.mark.parametrize(
    "load", [Load(100, 5.0, 1, 0, 1, 1), Load(100, 5.0, 0, 1, 1, 1), Load(0, 5.0, 0, 0, 0, 0)]
)
def test_a_load_that_was_not_answered_well_is_no_figure(load: Load) -> None:
    with pytest.raises(RuntimeError, match="refused"):
        sound(load)


def test_a_figure_is_told_as_so_many_times_its_reference() -> None:
    assert FIGURE.ratio == 0.125
    assert tabled([FIGURE]).rows == (
        ("scores", "1,000 /s", "insert 8,000", "0.125 x", "≥ 0.13 x, no", "20", "31.5", ""),
    )


def test_a_figure_without_a_reference_is_judged_by_itself() -> None:
    start = Figure("start", 2.5, "s", reach=Reach(most=3, unit="s"))
    assert start.is_reached
    assert tabled([start]).rows == (("start", "2.5 s", "", "", "≤ 3 s, yes", "", "", ""),)


def test_a_figure_of_which_nothing_is_asked_is_neither_reached_nor_missed() -> None:
    plain = Figure("start", 2.5, "s")
    assert plain.is_reached is None
    assert plain.as_json()["reach"] is None


@pytest.mark.parametrize(
    ("reach", "value", "holds"),
    [
        (Reach(most=3), 3.0, True),
        (Reach(most=3), 3.1, False),
        (Reach(least=5), 5.0, True),
        (Reach(least=5), 4.9, False),
    ],
)
def test_a_bound_itself_is_still_reached(reach: Reach, value: float, holds: bool) -> None:
    assert reach.holds(value) is holds


def test_each_row_of_the_table_has_all_columns() -> None:
    assert {len(row) for row in tabled([FIGURE]).rows} == {len(HEAD)}


def test_processes_are_found_by_their_command_with_their_children() -> None:
    waiting = "import sys; sys.stdout.write('up\\n'); sys.stdout.flush(); sys.stdin.read()"
    parent = (
        "import subprocess, sys; "
        f"subprocess.run([sys.executable, '-c', {waiting!r}]) # marked-parent"
    )
    with subprocess.Popen(
        [sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        process.stdout.readline()  # the child is there
        found = processes.of(os.getpid(), "marked-parent")
        assert len(found) == 2
        assert process.pid in found
        assert shared_mb(found) > shared_mb(found[:1]) > 1
        process.communicate()


def test_a_short_run_has_less_of_everything() -> None:
    assert all(getattr(SHORT, name) < whole for name, whole in vars(Scale()).items())


def test_a_file_to_upload_has_a_line_for_each_row_and_times_that_differ() -> None:
    head, *rows = written(1_000).decode().splitlines()
    assert head == "timestamp,value"
    assert len({row.split(",")[0] for row in rows}) == 1_000


def test_a_history_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    assert history(50, "s-1") == history(50, "s-1") != history(50, "s-2")


def test_the_forests_of_the_reference_are_as_many_as_those_of_a_model() -> None:
    generator = np.random.default_rng(0)
    points = Points.checked(np.arange(200) * 60_000_000_000, generator.normal(size=(200, 1)))
    model = fit(points, Settings(n_estimators=2))
    assert len(FEATURES) == len(model.forests)
    assert [forest.width for forest in model.forests] == FEATURES


def test_where_a_tool_is_missing_rows_that_need_it_are_left_out_and_told_of() -> None:
    lines: list[str] = []
    assert list(runnable(ROWS, str, lines.append)) == list(ROWS)
    assert not lines
    assert set(runnable(ROWS, dict[str, str]().get, lines.append)) == set(ROWS) - set(NEEDS)
    assert [line.split()[0] for line in lines] == [name for name in ROWS if name in NEEDS]


def test_every_row_of_the_benchmark_is_described() -> None:
    text = (ROOT / "docs/measuring.md").read_text()
    assert [name for name in ROWS if f"`{name}`" not in text] == []
