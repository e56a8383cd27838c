import csv
import gzip
import json
import math
import re
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner, Result

from app.cli import detected, drawn
from app.cli.detect import detect
from app.cli.detected import Found, Rows
from app.cli.failures import WRONG_USAGE, WrongUsage, exit_code
from app.detection import Points, Settings, Verdicts, Watch, replay, watch
from app.errors import Invalid

QUICK = ("--n-estimators", "10", "--max-samples", "64")
HEADER = "timestamp,value,score,is_anomaly,alarm,alert,event,expected,lower,upper,reason"
PLACE = 350


def hourly(n: int) -> list[str]:
    return [f"2024-03-{1 + i // 24:02d}T{i % 24:02d}:00:00Z" for i in range(n)]


def wave(n: int) -> np.ndarray:
    noise = np.random.default_rng(0).normal(size=n)
    values = np.round(100 + 40 * np.sin(2 * np.pi * np.arange(n) / 24) + 3 * noise, 1)
    if n > PLACE:
        values[PLACE] = 600.0
    return np.asarray(values)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """400 hours with a wild value at hour 350."""
    return written(tmp_path / "series.csv", hourly(400), wave(400))


def written(path: Path, times: list[str] | None, values: np.ndarray) -> Path:
    cells = [str(v) for v in values.tolist()]
    rows = ["value", *cells]
    if times is not None:
        rows = ["timestamp,value", *(f"{t},{v}" for t, v in zip(times, cells, strict=True))]
    path.write_text("\n".join(rows) + "\n")
    return path


def run(*arguments: object) -> Result:
    program = typer.Typer()
    program.command()(detect)
    return CliRunner().invoke(program, [*QUICK, *map(str, arguments)])


def refusal(*arguments: object) -> str:
    error = run(*arguments).exception
    assert isinstance(error, WrongUsage)
    assert exit_code(error) == WRONG_USAGE
    return error.detail


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_most_anomalous_points_are_shown_first(file: Path) -> None:
    result = run(file)
    assert result.exit_code == 0
    lines = [line for line in result.stdout.splitlines() if line.startswith("2024")]
    assert lines[0].startswith("2024-03-15T14:00:00Z")
    assert "far above anything seen before: 600" in lines[0]
    said = r"^\d+ of 400 points are anomalous, (1 event|\d+ events)$"
    assert re.search(said, result.stdout, re.MULTILINE)


def test_every_row_is_written_with_its_verdict(file: Path, tmp_path: Path) -> None:
    result = run(file, "-o", tmp_path / "out.csv")
    assert result.exit_code == 0
    rows = read(tmp_path / "out.csv")
    assert [row["timestamp"] for row in rows] == hourly(400)
    assert [float(row["value"]) for row in rows] == wave(400).tolist()
    assert rows[PLACE]["is_anomaly"] == "true"
    assert float(rows[PLACE]["score"]) > 0.998
    assert float(rows[300]["lower"]) <= float(rows[300]["expected"]) <= float(rows[300]["upper"])
    assert rows[3]["expected"] == ""


@pytest.mark.parametrize("times", [hourly(400), None])
def test_the_header_is_exactly_this(tmp_path: Path, times: list[str] | None) -> None:
    file = written(tmp_path / "series.csv", times, wave(400))
    assert run(file, "-o", tmp_path / "out.csv").exit_code == 0
    assert (tmp_path / "out.csv").read_text().splitlines()[0] == HEADER


def test_alarm_alert_and_event_are_those_of_the_event_layer(file: Path, tmp_path: Path) -> None:
    assert run(file, "-o", tmp_path / "out.csv").exit_code == 0
    rows = read(tmp_path / "out.csv")
    flags = [row["is_anomaly"] == "true" for row in rows]
    points = Points.checked(np.arange(400) * 3_600_000_000_000, [float(r["value"]) for r in rows])
    verdicts = replay(points, Settings(n_estimators=10, max_samples=64))
    assert verdicts.is_anomaly.tolist() == flags
    alarms, _ = watch(Watch(), verdicts.strength, verdicts.is_anomaly)
    assert [float(row["alarm"]) for row in rows] == alarms.alarm.tolist()
    assert [row["alert"] == "true" for row in rows] == alarms.is_alert.tolist()
    assert {row["alert"] for row in rows} == {"true", "false"}
    numbers = ["" if number < 0 else str(number) for number in alarms.event.tolist()]
    assert [row["event"] for row in rows] == numbers
    assert rows[PLACE]["event"] != ""


def test_the_same_file_gives_the_same_bytes(file: Path, tmp_path: Path) -> None:
    for name in ("one.csv", "two.csv"):
        assert run(file, "-o", tmp_path / name).exit_code == 0
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()


def test_a_file_without_times_counts_its_points(tmp_path: Path) -> None:
    file = written(tmp_path / "values.csv", None, wave(400))
    assert run(file, "-o", tmp_path / "out.csv").exit_code == 0
    rows = read(tmp_path / "out.csv")
    assert [row["timestamp"] for row in rows] == [str(i) for i in range(400)]
    assert rows[PLACE]["is_anomaly"] == "true"


def test_rows_in_any_order_keep_it(tmp_path: Path) -> None:
    order = np.random.default_rng(1).permutation(400)
    times, values = hourly(400), wave(400)
    file = written(tmp_path / "mixed.csv", [times[i] for i in order], values[order])
    assert run(file, "-o", tmp_path / "mixed.out").exit_code == 0
    plain = written(tmp_path / "plain.csv", times, values)
    assert run(plain, "-o", tmp_path / "plain.out").exit_code == 0
    ordered = read(tmp_path / "plain.out")
    assert read(tmp_path / "mixed.out") == [ordered[i] for i in order]


def test_of_rows_with_the_same_time_the_first_counts(tmp_path: Path) -> None:
    times, values = hourly(399), wave(399)
    file = written(tmp_path / "twice.csv", [*times[:PLACE], *times[PLACE - 1 :]], wave(400))
    result = run(file, "-o", tmp_path / "out.csv")
    assert "1 row repeats a time; the first of each counts" in result.stdout
    rows = read(tmp_path / "out.csv")
    assert len(rows) == 400
    assert rows[PLACE]["score"] == rows[PLACE - 1]["score"]
    assert float(rows[PLACE]["score"]) < 0.998
    assert float(rows[PLACE - 1]["value"]) == values[PLACE - 1]


def test_json_holds_the_anomalies(file: Path) -> None:
    found = json.loads(run(file, "--json").stdout)
    assert found["points"] == 400
    assert found["anomalies"] == len(found["data"])
    (wild,) = [one for one in found["data"] if one["value"] == 600.0]
    assert wild["timestamp"] == "2024-03-15T14:00:00Z"
    assert wild["is_anomaly"] is True
    assert wild["score"] >= wild["threshold"]
    assert found["events"] == sum(one["alert"] for one in found["data"])
    assert wild["event"] in {one["event"] for one in found["data"] if one["alert"]}


def test_many_fields_are_told_apart(tmp_path: Path) -> None:
    rows = [f"{t},{v},{5 - v}" for t, v in zip(hourly(400), wave(400), strict=True)]
    file = tmp_path / "two.csv"
    file.write_text("\n".join(["timestamp,heat,=press", *rows]))
    assert run(file, "-o", tmp_path / "out.csv").exit_code == 0
    written_rows = read(tmp_path / "out.csv")
    assert {"heat", "'=press", "expected_heat", "upper_=press"} <= set(written_rows[0])
    wild, *_ = json.loads(run(file, "--json").stdout)["data"]
    assert math.isclose(sum(wild["contributions"].values()), 1.0)


def test_reasons_are_no_formulas(tmp_path: Path) -> None:
    file = written(tmp_path / "low.csv", hourly(40), np.array([*range(30), *[-9e6] * 10]))
    assert run(file, "-o", tmp_path / "out.csv").exit_code == 0
    reasons = {row["reason"] for row in read(tmp_path / "out.csv")}
    assert any(reason.startswith("'-9000000 is far below") for reason in reasons)


def test_gzipped_files_are_read(file: Path, tmp_path: Path) -> None:
    packed = tmp_path / "series.csv.gz"
    packed.write_bytes(gzip.compress(file.read_bytes()))
    assert run(packed).stdout == run(file).stdout


def test_a_plot_is_drawn(file: Path, tmp_path: Path) -> None:
    assert run(file, "--plot", tmp_path / "out.png").exit_code == 0
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")


def test_a_plot_shades_each_event_and_marks_its_alert() -> None:
    scores, flags = np.zeros(60), np.zeros(60, bool)
    for place in (5, 7, 50):
        scores[place], flags[place] = 1.0 - 1e-6, True
    rows, found = drawn_points(scores, flags)
    (axis,) = drawn.picture(rows, found).axes
    alerts = np.flatnonzero(found.alarms.is_alert).tolist()
    assert alerts[0] == 5
    assert next(drawn.spans(found)) == (5, 7)
    marks = [line for line in axis.lines if line.get_linestyle() == "--"]
    assert [np.asarray(line.get_xdata())[0] for line in marks] == alerts
    assert len(axis.patches) == len(alerts)


def drawn_points(scores: np.ndarray, flags: np.ndarray) -> tuple[Rows, Found]:
    n = len(scores)
    points = Points.checked(np.arange(n) * 1_000_000_000, np.ones((n, 1)))
    labels = [str(i) for i in range(n)]
    rows = Rows(("value",), points.values, np.arange(n), labels, points, 0)
    band, empty = np.ones((n, 1)), ("",) * n
    strengths = -np.log10(1.0 - scores)
    verdicts = Verdicts(scores, strengths, flags, scores, band, band, band, band, empty, flags)
    return rows, Found.of(verdicts)


def test_the_warmup_is_a_share_or_a_number(file: Path, tmp_path: Path) -> None:
    for warmup, fallback in (("100", 100), ("0.5", 200)):
        assert run(file, "--warmup", warmup, "-o", tmp_path / f"{warmup}.csv").exit_code == 0
        rows = read(tmp_path / f"{warmup}.csv")
        width = [float(r["upper"]) - float(r["lower"]) for r in rows[20:]]
        assert width[fallback - 21] > 2 * width[fallback - 20]


@pytest.mark.parametrize("warmup", ["1.5", "-3", "all", "", "1e9", "nan"])
def test_another_warmup_is_refused(file: Path, warmup: str) -> None:
    assert "warmup must be a number of points" in refusal(file, f"--warmup={warmup}")


@pytest.mark.parametrize(
    ("option", "given"),
    [("season", "1x"), ("contamination", "0.9"), ("interval", "often"), ("random-state", "-1")],
)
def test_a_wrong_setting_is_refused_by_name(file: Path, option: str, given: str) -> None:
    assert option.replace("-", "_") in refusal(file, f"--{option}={given}")


def test_no_file_is_told(tmp_path: Path) -> None:
    assert "No such file" in refusal(tmp_path / "none.csv")
    assert "cannot be read" in refusal(tmp_path)


def test_bad_rows_are_told_by_line(tmp_path: Path) -> None:
    file = tmp_path / "bad.csv"
    file.write_text("timestamp,value\n2024-01-01,1\nsoon,2\n2024-01-03,much\n")
    told = refusal(file)
    assert "line 3, timestamp" in told
    assert "line 4, value" in told


def bad_rows(tmp_path: Path, n: int) -> Path:
    file = tmp_path / f"{n}.csv"
    file.write_text("timestamp,value\n" + "soon,much\n" * n)
    return file


def test_of_many_bad_rows_the_first_are_named_and_the_others_counted(tmp_path: Path) -> None:
    told = refusal(bad_rows(tmp_path, 60_000)).splitlines()
    named = [line.split(",")[0] for line in told[1:-1]]
    assert named == [f"  line {number}" for number in range(2, 12)]
    assert told[-1] == "  and 59,990 more"


def test_many_bad_rows_take_no_more_memory_than_few(tmp_path: Path) -> None:
    def peak(n: int) -> int:
        file = bad_rows(tmp_path, n)
        tracemalloc.start()
        try:
            with pytest.raises(Invalid):
                detected.read(file, None, None)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(300_000) < 1.2 * peak(100_000)  # which are two chunks: one read, one looked at


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n\0\0", b"timestamp\n2024-01-01\n"])
def test_what_is_no_series_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "odd.csv").write_bytes(content)
    assert refusal(tmp_path / "odd.csv")


def test_a_result_that_cannot_be_written_is_told(file: Path, tmp_path: Path) -> None:
    assert "cannot be written" in refusal(file, "-o", tmp_path / "none" / "out.csv")
    assert "cannot be written" in refusal(file, "--plot", tmp_path / "out.nothing")


def test_the_command_loads_neither_the_service_nor_the_forests_before_it_runs() -> None:
    code = (
        "import sys; import app.cli.detect; "
        "print([m for m in sys.modules if m.split('.')[0] in ('numpy', 'sklearn', 'matplotlib')]); "
        "import app.cli.detected; "
        "print([m for m in sys.modules if m.startswith(('app.web', 'app.store', 'hug'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[]", "[]"]


def test_the_result_does_not_overwrite_the_file(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("value\n1\n2\n")
    assert "overwrite" in refusal(file, "-o", file)
    assert file.read_text() == "value\n1\n2\n"
