"""`python -m benchmarks.quality`, over folders that look like the published collections."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from app.detection import Points, Settings, Watch, replay, watch
from benchmarks import provenance
from benchmarks.provenance import ROOT
from benchmarks.quality import data, detectors
from benchmarks.quality.cache import Cache
from benchmarks.quality.detectors import ARTICLE, OURS, Detector, Judged, judged
from benchmarks.quality.figures import band_figures, outside
from benchmarks.quality.runs import Desk, Run, batches

NAMES = {"nab": ["a.csv"]}
OURS_ROW = Detector(OURS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A file of each collection, with what is odd about it."""
    for collection in ("nab", "ucr", "skab"):
        (tmp_path / collection).mkdir()
    nab = "timestamp,value\n2014-01-01 00:05:00,2\n2014-01-01 00:00:00,1\n2014-01-01 00:05:00,3\n"
    (tmp_path / "nab/a.csv").write_text(nab)
    (tmp_path / "nab" / data.DEMO).write_text(nab)
    window = ["2014-01-01 00:05:00.000000", "2014-01-01 00:05:00.000000"]
    (tmp_path / "nab/windows.json").write_text(json.dumps({"a.csv": [window], data.DEMO: []}))
    (tmp_path / "ucr/b.csv").write_text("value,label\n0.5,0\n0.7,1\n")
    (tmp_path / "skab/0.csv").write_text(
        "datetime;x;y;anomaly;changepoint\n"
        "2020-03-09 10:14:33;1;2;0.0;0.0\n2020-03-09 10:14:34;3;4;1.0;1.0\n"
    )
    return tmp_path


def test_the_demo_series_does_not_count(folder: Path) -> None:
    assert data.names(folder) == {"nab": ["a.csv"], "ucr": ["b.csv"], "skab": ["0.csv"]}


def test_of_repeated_times_the_first_row_is_the_point_and_each_row_has_its_verdict(
    folder: Path,
) -> None:
    series = data.read(folder, "nab", "a.csv")
    assert series.points.values[:, 0].tolist() == [1.0, 2.0]
    assert series.place.tolist() == [1, 0, 1]
    assert series.windows == ((0, 0),)


def test_labels_and_fields_are_told_apart(folder: Path) -> None:
    one, many = data.read(folder, "ucr", "b.csv"), data.read(folder, "skab", "0.csv")
    assert (one.points.fields, one.labels.tolist()) == (1, [0, 1])
    assert many.points.values.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert many.labels.tolist() == [0, 1]


def test_ours_is_the_product_replayed_and_its_alarm_the_event_layers() -> None:
    points = wave(400)
    (found,) = judged([Detector(OURS)], points, 1)
    verdicts = replay(points, Settings(random_state=1), warmup=0.15)
    alarms, _ = watch(Watch(), verdicts.strength, verdicts.is_anomaly)
    assert np.array_equal(found.score, verdicts.score)
    assert np.array_equal(found.alarm, alarms.alarm)
    is_inside = (points.values >= verdicts.lower) & (points.values <= verdicts.upper)
    has_band = ~np.isnan(verdicts.lower[:, 0])
    assert np.array_equal(found.inside[has_band], is_inside[has_band, 0])
    assert np.isnan(found.inside[~has_band]).all()


def test_normal_points_are_those_after_the_beginning_and_outside_the_windows() -> None:
    assert np.flatnonzero(outside(20, [(5, 6), (10, 17)])).tolist() == [3, 4, 7, 8, 9, 18, 19]


def test_the_band_has_figures_where_a_detector_has_one(folder: Path, tmp_path: Path) -> None:
    ours, article = Detector(OURS), Detector(ARTICLE, is_ours=False)
    rows = "".join(f"2014-01-01 00:{i:02}:00,{i % 5}\n" for i in range(40))
    (folder / "nab/a.csv").write_text(f"timestamp,value\n{rows}")
    desk = Desk.made(folder, Cache(tmp_path / "cache"), [ours, article])
    found = band_figures(desk, ours, 0, ["a.csv"])
    assert found["band"] == found["band_worst"] == 100.0
    assert band_figures(desk, article, 0, ["a.csv"]) == {}


def test_the_article_ranks_an_extreme_value_with_the_most_extreme_that_it_was_fitted_on() -> None:
    points = wave(400, extreme_at=300)
    (found,) = judged([Detector(ARTICLE, is_ours=False)], points, 0)
    assert found.score[300] >= found.score[points.values[:, 0].argsort()[-5:]].max()
    assert found.score[300] > np.quantile(found.score, 0.9)
    assert np.array_equal(found.score, found.alarm)


def test_rows_that_share_a_replay_share_their_runs() -> None:
    rows = [Detector(OURS), Detector("score as the alarm", is_score_the_alarm=True)]
    assert len(list(batches(rows, [0, 1], {"nab": ["a.csv", "b.csv"]}))) == 4


def test_rows_without_a_part_share_the_replay_of_the_first_seed() -> None:
    article, ours = Detector(ARTICLE, is_ours=False), Detector(OURS)
    rows = [article, ours, Detector("ours without forests", frozenset({"forests"}))]
    found = {tuple(run.detector.name for run in batch) for batch in batches(rows, [0], NAMES)}
    assert found == {(ARTICLE,), (OURS, "ours without forests")}
    later = [batch for batch in batches(rows, [0, 1], NAMES) if batch[0].seed == 1]
    assert sorted(len(batch) for batch in later) == [1, 1]


def test_a_row_for_each_part_that_the_product_can_do_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(detectors, "PARTS", ("forests", "novelty"))
    without = [row for row in detectors.detectors() if row.without]
    assert [row.without for row in without] == [frozenset({"forests"}), frozenset({"novelty"})]
    assert len({row.replayed for row in without}) == 2


def test_a_row_without_a_part_is_judged_without_it_and_the_others_as_ever() -> None:
    points = wave(200, extreme_at=150)
    less = Detector("ours without novelty", frozenset({"novelty"}))
    alone, (beside, without) = judged([OURS_ROW], points, 0), judged([OURS_ROW, less], points, 0)
    assert np.array_equal(alone[0].score, beside.score)
    assert np.array_equal(alone[0].alarm, beside.alarm)
    assert without.score[150] < beside.score[150]


def test_a_result_is_found_again_and_another_files_or_seeds_is_not(
    folder: Path, tmp_path: Path
) -> None:
    cache = Cache(tmp_path / "cache")
    article = Detector(ARTICLE, is_ours=False)
    desk = Desk.made(folder, cache, [article])
    run = Run(article, 0, "ucr", "b.csv")
    kept = Judged(np.array([0.25, 0.75]), np.array([0.0, 1.0]), np.array([np.nan, 1.0]))
    cache.keep_judged(desk.key(run), kept)
    assert desk.judged(run).score.tolist() == [0.25, 0.75]
    assert desk.key(Run(article, 1, "ucr", "b.csv")) != desk.key(run)
    before = desk.key(run)
    (folder / "ucr/b.csv").write_text("value,label\n0.5,0\n0.8,1\n")
    assert desk.key(run) != before


def test_any_edit_of_the_code_changes_what_results_are_kept_under(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    module = tmp_path / "room/module.py"
    module.parent.mkdir()
    module.write_text("ANSWER = 1\n")
    before = provenance.fingerprint([module.parent])
    assert provenance.fingerprint([module.parent]) == before
    module.write_text("ANSWER = 2\n")
    assert provenance.fingerprint([module.parent]) != before


def test_the_articles_results_outlive_a_change_of_the_product(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        detectors, "fingerprint", lambda paths: str(ROOT / "app/detection" in paths)
    )
    assert Detector(ARTICLE, is_ours=False).fingerprint() == "False"
    assert Detector(OURS).fingerprint() == "True"


def test_without_data_it_says_so_and_succeeds(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.quality", "--data", str(tmp_path / "none")]
    answer = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, "COLUMNS": "200"}
    )
    assert answer.returncode == 0, answer.stderr
    assert "Quality was not measured" in answer.stdout


def wave(n: int, extreme_at: int | None = None) -> Points:
    values = np.sin(np.arange(n) / 10) + np.random.default_rng(0).normal(size=n) / 10
    if extreme_at is not None:
        values[extreme_at] = 50.0
    return Points.checked(np.arange(n) * data.SECOND_NS, values)
