"""`tocsin backup` beside a running installation, and `tocsin restore` into a new data folder."""

import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from shutil import copyfile

import numpy as np
import pytest

from tests.cli.conftest import Home
from tests.service import Service

NEWS = ("2024-01-01T08:00:00Z,3", "2024-01-01T08:01:00Z,500", "2024-01-01T08:02:00Z,-4.5")


@pytest.fixture
def new_home() -> Iterator[Home]:
    with tempfile.TemporaryDirectory(prefix="tocsin-cli-") as folder:
        Path(folder).chmod(0o711)
        made = Home(Path(folder))
        made.data_dir.mkdir(mode=0o711)
        yield made


def history(path: Path) -> str:
    moments = np.datetime64("2024-01-01", "s") + np.arange(400) * 60
    values = 10 * np.sin(np.arange(400) / 20) + np.random.default_rng(0).normal(size=400)
    values[350] += 60
    rows = [f"{moment}Z,{value}\n" for moment, value in zip(moments, values, strict=True)]
    path.write_text("timestamp,value\n" + "".join(rows))
    return str(path)


@pytest.mark.long
def test_a_new_data_folder_goes_on_where_the_backup_was_taken(
    home: Home, new_home: Home, tmp_path: Path
) -> None:
    file = tmp_path / "all.backup"
    with home.up() as running:
        running.until("listening on")
        key = home.shell("tenants", "create", "acme", "--json").data["api_key"]["secret"]
        mine = {"TOCSIN_API_KEY": key, "TOCSIN_URL": f"http://127.0.0.1:{home.port}"}
        assert (
            home.shell("upload", "rides", history(tmp_path / "h.csv"), "--create", **mine).code == 0
        )
        assert home.shell("train", "rides", **mine).code == 0
        taken = home.shell("backup", str(file), "--json")
        assert {part["table"]: part["rows"] for part in taken.data["parts"]}["points"] == 400
        assert "secret" in taken.said
        before = home.shell("anomalies", "rides", "--json", **mine).data
        judged = home.shell("score", "rides", *NEWS, "--json", **mine).data
        assert home.shell("restore", str(file)).code == 1  # this folder is in use
        assert running.end(signal.SIGINT) == 0
    assert before

    refused = new_home.shell("restore", str(file))
    assert refused.code == 1
    assert "TOCSIN_SECRET_FILE" in refused.said
    copyfile(home.data_dir / "secret", new_home.data_dir / "secret")
    (new_home.data_dir / "secret").chmod(0o600)
    restored = new_home.shell("restore", str(file), "--json")
    assert restored.data == taken.data
    again = {"TOCSIN_API_KEY": key, "TOCSIN_URL": f"http://127.0.0.1:{new_home.port}"}
    with new_home.up() as running:
        running.until("listening on")
        assert new_home.shell("anomalies", "rides", "--json", **again).data == before
        there = new_home.shell("score", "rides", *NEWS, "--json", **again).data
        assert there == judged
        assert running.end(signal.SIGINT) == 0
    assert new_home.processes() == []


def test_nothing_is_made_where_there_is_nothing_to_back_up_or_to_restore(
    home: Home, tmp_path: Path
) -> None:
    taken = home.shell("backup", str(tmp_path / "file"))
    assert taken.code == 1
    assert "TOCSIN_SECRET_FILE" in taken.said
    (tmp_path / "other").write_text("nothing")
    for file in ("missing", "other"):
        restored = home.shell("restore", str(tmp_path / file))
        assert restored.code == 1
        assert file in restored.said
    assert not home.data_dir.exists()
    assert not (tmp_path / "file").exists()


def test_a_backup_needs_the_owner(service: Service, home: Home, tmp_path: Path) -> None:
    run = home.shell(
        "backup",
        str(tmp_path / "file"),
        TOCSIN_DATA_DIR=service.environment["TOCSIN_DATA_DIR"],
        TOCSIN_DATABASE_URL=service.environment["TOCSIN_DATABASE_URL"],
        TOCSIN_REDIS_URL=service.environment["TOCSIN_REDIS_URL"],
    )
    assert run.code == 1
    assert "TOCSIN_OWNER_DATABASE_URL" in run.said
    assert not (tmp_path / "file").exists()
