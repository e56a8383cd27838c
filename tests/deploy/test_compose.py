"""No container engine runs in the tests: the files are checked against what they must say."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from app.settings import Settings

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe", pure=True).load(COMPOSE)
    return loaded


def test_the_compose_file_is_valid_by_the_specification_s_schema() -> None:
    checked = subprocess.run(
        [
            *(sys.executable, "-m", "check_jsonschema"),
            *("--builtin-schema", "vendor.compose-spec", str(COMPOSE)),
        ],
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_no_password_stands_in_the_compose_file(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        for variable, value in service.get("environment", {}).items():
            is_file = str(value).startswith("/run/secrets/")
            assert is_file or not re.search("PASSWORD|SECRET|KEY|URL", variable), (name, variable)
    assert all("file" in secret for secret in compose["secrets"].values())


def test_database_and_cache_publish_no_port(compose: dict[str, Any]) -> None:
    published = {name for name, service in compose["services"].items() if "ports" in service}
    assert published == {"server"}
    assert compose["networks"]["inside"]["internal"] is True
    assert compose["services"]["postgres"]["networks"] == ["inside"]
    assert compose["services"]["redis"]["networks"] == ["inside"]


def test_the_server_does_not_get_the_owner_s_password(compose: dict[str, Any]) -> None:
    assert "owner_password" not in compose["services"]["server"]["secrets"]


def test_every_secret_that_is_used_is_made_by_the_script(compose: dict[str, Any]) -> None:
    script = (ROOT / "deploy/make-secrets.sh").read_text()
    used = {name for service in compose["services"].values() for name in service.get("secrets", [])}
    assert used == set(compose["secrets"])
    assert all(name in script for name in used)


def test_every_setting_in_the_containers_exists(compose: dict[str, Any]) -> None:
    text = COMPOSE.read_text() + (ROOT / "deploy/entrypoint.sh").read_text()
    text += (ROOT / "Dockerfile").read_text()
    named = set(re.findall(r"\bTOCSIN_[A-Z_]+\b", text))
    assert named <= {f"TOCSIN_{field.upper()}" for field in Settings.model_fields}


def test_the_image_does_not_run_as_root() -> None:
    users = re.findall(r"^USER (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert users[-1] not in ("root", "0")


def test_secret_files_become_urls_that_the_settings_read(tmp_path: Path) -> None:
    script = (ROOT / "deploy/entrypoint.sh").read_text().replace("/run/secrets", str(tmp_path))
    (tmp_path / "server_password").write_text("p@ss/word\n")
    (tmp_path / "redis_password").write_text("se:cret\n")
    shown = subprocess.run(
        ["sh", "-c", script, "entrypoint", "env"],
        env={**os.environ, "POSTGRES_HOST": "pg", "REDIS_HOST": "cache"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "TOCSIN_DATABASE_URL=postgresql://tocsin_server:p%40ss%2Fword@pg/tocsin" in shown
    assert "TOCSIN_REDIS_URL=redis://:se%3Acret@cache:6379/0" in shown


def test_the_script_makes_secrets_once_and_keeps_them(tmp_path: Path) -> None:
    (tmp_path / "deploy").mkdir()
    script = tmp_path / "deploy/make-secrets.sh"
    script.write_text((ROOT / "deploy/make-secrets.sh").read_text())

    def made() -> dict[str, str]:
        subprocess.run(["sh", str(script)], check=True, capture_output=True)
        return {file.name: file.read_text() for file in (tmp_path / "secrets").iterdir()}

    first = made()
    assert len(set(first.values())) == 5
    assert all(len(text.strip()) >= 64 for text in first.values())
    assert made() == first
