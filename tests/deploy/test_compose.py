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


def test_only_nginx_publishes_ports_and_plain_http_to_this_host_alone(
    compose: dict[str, Any],
) -> None:
    published = {name: one["ports"] for name, one in compose["services"].items() if "ports" in one}
    assert published == {
        "nginx": ["${TOCSIN_HTTP:-127.0.0.1:8080}:8080", "${TOCSIN_HTTPS:-443}:8443"]
    }
    assert compose["services"]["nginx"]["environment"]["TOCSIN_TLS"] == "${TOCSIN_TLS:-on}"


def test_nobody_but_nginx_is_reached_from_outside_and_nobody_but_the_server_meets_it(
    compose: dict[str, Any],
) -> None:
    members: dict[str, set[str]] = {name: set() for name in compose["networks"]}
    for name, service in compose["services"].items():
        for network in service["networks"]:
            members[network].add(name)
    assert members == {
        "edge": {"nginx"},
        "out": {"delivery"},
        "front": {"nginx", "server"},
        "back": {"server", "worker", "delivery", "migrate", "postgres", "redis"},
    }
    inside = {name for name, one in compose["networks"].items() if one.get("internal") is True}
    assert inside == {"front", "back"}


def test_no_container_can_gain_rights_or_write_to_its_image(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not {"privileged", "cap_add", "pid", "network_mode", "devices"} & set(service), name
        assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", service["user"]), name


def test_the_image_s_user_is_the_one_of_its_containers(compose: dict[str, Any]) -> None:
    made = re.search(r"--uid (\d+) --gid (\d+)", (ROOT / "Dockerfile").read_text())
    assert made is not None
    for name in ("migrate", "server", "worker", "delivery"):
        assert compose["services"][name]["user"] == f"{made[1]}:{made[2]}"


def test_what_a_container_may_write_to_is_named_and_limited(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert service["tmpfs"], name
        for each in service["tmpfs"]:
            assert re.search(r":size=\d+[mg],", each), (name, each)
        for mounted in service.get("volumes", []):
            is_kept = isinstance(mounted, str) and mounted.split(":")[0] in compose["volumes"]
            is_read_only = (
                mounted["read_only"] if isinstance(mounted, dict) else mounted[-3:] == ":ro"
            )
            assert is_kept or is_read_only, (name, mounted)


def test_every_container_has_limits(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        limits = service["deploy"]["resources"]["limits"]
        assert limits.keys() == {"cpus", "memory", "pids"}, name


def test_bodies_in_memory_fit_into_the_memory_of_nginx(compose: dict[str, Any]) -> None:
    nginx = compose["services"]["nginx"]
    assert any(each.startswith("/var/cache/nginx:size=1g,") for each in nginx["tmpfs"])
    assert nginx["deploy"]["resources"]["limits"]["memory"] == "1280m"


def test_whatever_stays_up_says_whether_it_is_well(compose: dict[str, Any]) -> None:
    unchecked = {name for name, one in compose["services"].items() if "healthcheck" not in one}
    assert unchecked == {"migrate"}


def test_the_migration_runs_once_and_before_what_needs_it(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert services["migrate"]["restart"] == "no"
    for name in ("server", "worker", "delivery"):
        after = services[name]["depends_on"]["migrate"]
        assert after == {"condition": "service_completed_successfully"}
    assert services["nginx"]["depends_on"] == {"server": {"condition": "service_healthy"}}


def test_proxy_and_server_take_bodies_of_the_same_size(compose: dict[str, Any]) -> None:
    default = Settings.model_fields["upload_bytes"].default
    for name in ("nginx", "server"):
        limit = compose["services"][name]["environment"]["TOCSIN_UPLOAD_BYTES"]
        assert limit == f"${{TOCSIN_UPLOAD_BYTES:-{default}}}"


def test_loops_are_compiled_with_the_image_for_any_processor() -> None:
    image = (ROOT / "Dockerfile").read_text()
    prepared = re.search(r"^RUN NUMBA_CACHE_DIR=(\S+) .*prepare\(\)", image, re.MULTILINE)
    assert prepared is not None
    assert "NUMBA_CPU_NAME=generic" in image[: prepared.start()]
    assert f"cp -R {prepared[1]}/. " in (ROOT / "deploy/entrypoint.sh").read_text()


def test_the_server_does_not_get_the_owner_s_password(compose: dict[str, Any]) -> None:
    assert "owner_password" not in compose["services"]["server"]["secrets"]


def test_whoever_has_a_way_out_knows_neither_the_owner_s_password_nor_redis_s(
    compose: dict[str, Any],
) -> None:
    assert compose["services"]["delivery"]["secrets"] == ["server_password", "installation_secret"]


def test_webhooks_are_called_from_where_there_is_a_way_out(compose: dict[str, Any]) -> None:
    settings = {name: one.get("environment", {}) for name, one in compose["services"].items()}
    assert settings["worker"]["TOCSIN_WEBHOOK_CALLS"] == 0
    default = Settings.model_fields["webhook_calls"].default
    assert settings["delivery"]["TOCSIN_WEBHOOK_CALLS"] == f"${{TOCSIN_WEBHOOK_CALLS:-{default}}}"
    allowed = {settings[name]["TOCSIN_WEBHOOK_NETWORKS"] for name in ("server", "delivery")}
    assert len(allowed) == 1, "what one of them takes the other calls"


def test_every_secret_that_is_used_is_made_by_the_script(compose: dict[str, Any]) -> None:
    script = (ROOT / "deploy/make-secrets.sh").read_text()
    used = {name for service in compose["services"].values() for name in service.get("secrets", [])}
    assert used == set(compose["secrets"])
    assert all(name in script for name in used)


def test_every_setting_in_the_containers_exists(compose: dict[str, Any]) -> None:
    text = COMPOSE.read_text() + (ROOT / "deploy/entrypoint.sh").read_text()
    text += (ROOT / "Dockerfile").read_text()
    named = set(re.findall(r"\bTOCSIN_[A-Z_]+\b", text))
    known = {f"TOCSIN_{field.upper()}" for field in Settings.model_fields}
    assert named - known == {"TOCSIN_TLS", "TOCSIN_HTTP", "TOCSIN_HTTPS"}  # nginx's


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
        return {
            file.name: file.read_text()
            for file in (tmp_path / "secrets").iterdir()
            if file.is_file()
        }

    first = made()
    assert len(set(first.values())) == 5
    assert all(len(text.strip()) >= 64 for text in first.values())
    assert made() == first
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "secrets/tls").is_dir()


def test_compiled_loops_are_laid_where_they_may_be_read(tmp_path: Path) -> None:
    (tmp_path / "compiled/app_1").mkdir(parents=True)
    (tmp_path / "compiled/app_1/loop.nbi").write_text("index")
    script = (ROOT / "deploy/entrypoint.sh").read_text().replace("/opt/tocsin", str(tmp_path))
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "numba")}
    for _ in range(2):  # a container that is started again
        subprocess.run(["sh", "-c", script, "entrypoint", "true"], env=environment, check=True)
    found = [path for path in (tmp_path / "numba").rglob("*") if path.is_file()]
    assert found == [tmp_path / "numba/app_1/loop.nbi"]


def test_redis_gets_its_password_by_a_file(compose: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "redis_password").write_text('a "secret" \\ #\n')
    _, _, line = compose["services"]["redis"]["command"]
    script = line.replace("$$", "$").replace("/tmp", str(tmp_path))  # noqa: S108 - the container's
    script = script.replace("/run/secrets", str(tmp_path))
    told = subprocess.run(
        ["sh", "-c", script.replace("exec redis-server", "echo")],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "secret" not in told
    assert f"{tmp_path}/redis.conf --appendonly yes" in told
    assert (tmp_path / "redis.conf").read_text() == r'requirepass "a \"secret\" \\ #"' + "\n"
    assert (tmp_path / "redis.conf").stat().st_mode & 0o077 == 0


def test_the_server_believes_the_one_proxy_before_it(compose: Any) -> None:
    trusting = {
        name: service["environment"]["TOCSIN_TRUSTED_PROXIES"]
        for name, service in compose["services"].items()
        if "TOCSIN_TRUSTED_PROXIES" in service.get("environment", {})
    }
    assert trusting == {"server": 1}
