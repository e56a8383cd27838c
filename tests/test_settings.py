"""Settings are read whole or not at all; what is wrong is named, and secrets are not shown."""

from collections.abc import Callable
from pathlib import Path

import pytest

from app import settings
from app.actions.parts import assemble
from app.errors import Misconfigured
from app.settings import Settings
from workers import delivery

PASSWORD = "opensesame"


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"TOCSIN_{name.upper()}", raising=False)


def test_without_any_setting_there_are_defaults() -> None:
    made = settings.read()
    assert made.port == 8080
    assert made.secret_path == Path(".tocsin/secret")


@pytest.mark.parametrize(
    ("processors", "answering", "training"), [(1, 2, 1), (2, 2, 1), (4, 4, 2), (64, 8, 4)]
)
def test_there_are_as_many_processes_as_processors_have_use_for(
    processors: int, answering: int, training: int
) -> None:
    made = settings.read()
    assert made.answering_processes(processors) == answering
    assert made.training_processes(processors) == training


def test_how_many_processes_there_are_may_be_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_API_PROCESSES", "3")
    monkeypatch.setenv("TOCSIN_WORKER_PROCESSES", "5")
    made = settings.read()
    assert (made.answering_processes(64), made.training_processes(64)) == (3, 5)


WRONG = {
    "TOCSIN_PORT": "70000",
    "TOCSIN_TRUSTED_PROXIES": "-1",
    "TOCSIN_DATABASE_URL": "mysql://u@h/d",
    "TOCSIN_OWNER_DATABASE_URL": "u@h/d",
    "TOCSIN_REDIS_URL": "http://h",
    "TOCSIN_API_PROCESSES": "0",
    "TOCSIN_API_THREADS": "many",
    "TOCSIN_DRAIN_S": "-1",
    "TOCSIN_WORKER_PROCESSES": "-1",
    "TOCSIN_UPLOAD_BYTES": "1",
    "TOCSIN_JSON_BYTES": "1e3",
    "TOCSIN_DATABASE_CONNECTIONS": "0",
    "TOCSIN_CACHE_TTL_S": "0",
    "TOCSIN_MODEL_MEMORY_BYTES": "-1",
    "TOCSIN_SLOW_REQUESTS": "0",
    "TOCSIN_WEBHOOK_CALLS": "-1",
    "TOCSIN_WEBHOOK_NETWORKS": "10.0.0.0/8,10.1.0.1/8",
    "TOCSIN_JOB_LEASE_S": "0.5",
    "TOCSIN_TENANT_REQUESTS_PER_S": "0",
    "TOCSIN_KEY_REQUESTS_PER_S": "-1",
    "TOCSIN_TENANT_POINTS_PER_DAY": "0",
    "TOCSIN_TENANT_SERIES": "none",
    "TOCSIN_TENANT_STORED_POINTS": "1.5",
    "TOCSIN_TENANT_UPLOAD_BYTES": "0",
    "TOCSIN_TENANT_CONCURRENT_TRAININGS": "0",
    "TOCSIN_TENANT_MODEL_VERSIONS": "0",
    "TOCSIN_NOTICE_SCHEMES": "slack,json",
    "TOCSIN_MAIL_URL": "smtp://mail.example.com",
    "TOCSIN_METRICS_TENANTS": "-1",
    "TOCSIN_OTLP_URL": "grpc://h:4317",
    "TOCSIN_TRACE_SHARE": "1.5",
    "TOCSIN_LOG_LEVEL": "loud",
    "TOCSIN_LOG_FORMAT": "xml",
}


def message_of(monkeypatch: pytest.MonkeyPatch, wrong: dict[str, str]) -> str:
    for name, text in wrong.items():
        monkeypatch.setenv(name, text)
    with pytest.raises(Misconfigured) as raised:
        settings.read()
    return raised.value.detail


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    assert f"{name}: " in message_of(monkeypatch, {name: WRONG[name]})


def test_who_sends_notices_by_mail_says_by_which_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_NOTICE_SCHEMES", "slack, mailto")
    with pytest.raises(Misconfigured, match="TOCSIN_MAIL_URL: is needed"):
        settings.read()
    monkeypatch.setenv("TOCSIN_MAIL_URL", "mailto://user:pass@mail.example.com")
    assert settings.read().notice_channels == ["slack", "mailto"]


def test_all_wrong_settings_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    message = message_of(monkeypatch, WRONG)
    assert [name for name in WRONG if f"{name}: " not in message] == []


def test_every_setting_with_a_limit_is_among_these_tests() -> None:
    without = {"data_dir", "host", "secret_file"}
    known = {name.removeprefix("TOCSIN_").lower() for name in WRONG}
    assert set(Settings.model_fields) - without <= known, "add a wrong value of the new setting"


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://u:{PASSWORD}/x@h:5432/d",
        f"postgresql://u@h:{PASSWORD}/d",
        f"postgresql://u:{PASSWORD}@h:99999999/d",
        f"postgresql://u:{PASSWORD}@[::1/d",
    ],
)
def test_a_url_cut_in_the_wrong_place_is_refused_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    message = message_of(monkeypatch, {"TOCSIN_DATABASE_URL": url})
    assert "TOCSIN_DATABASE_URL: " in message
    assert PASSWORD not in message


def test_a_redis_url_cut_in_the_wrong_place_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    message = message_of(monkeypatch, {"TOCSIN_REDIS_URL": f"redis://:{PASSWORD}#1@h:6379"})
    assert PASSWORD not in message


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:p@/d?host=/run/tocsin&port=5432",
        "postgres://u:p%2Fw%40@[::1]:5432/d?sslmode=verify-full",
        "postgresql:///d",
    ],
)
def test_urls_of_sockets_and_hosts_are_taken(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("TOCSIN_DATABASE_URL", url)
    assert settings.read().required("database_url") == url


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_DATABASE_URL", f"postgresql://u:{PASSWORD}@h/d")
    monkeypatch.setenv("TOCSIN_OWNER_DATABASE_URL", f"postgresql://o:{PASSWORD}@h/d")
    monkeypatch.setenv("TOCSIN_REDIS_URL", f"redis://:{PASSWORD}@h")
    made = settings.read()
    for shown in (repr(made), str(made), str(made.model_dump()), made.model_dump_json()):
        assert PASSWORD not in shown
    assert PASSWORD in made.required("redis_url")


def test_secrets_are_not_shown_beside_another_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"postgresql://u:{PASSWORD}@h/d"
    message = message_of(monkeypatch, {"TOCSIN_DATABASE_URL": url, "TOCSIN_PORT": "x"})
    assert PASSWORD not in message


def test_a_setting_left_empty_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_DATABASE_URL", "")
    monkeypatch.setenv("TOCSIN_PORT", "")
    assert settings.read().port == 8080
    with pytest.raises(Misconfigured, match="TOCSIN_DATABASE_URL is not set"):
        settings.read().required("database_url")


def test_the_secret_lies_in_the_data_folder_unless_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_DATA_DIR", "/srv/tocsin")
    assert settings.read().secret_path == Path("/srv/tocsin/secret")
    monkeypatch.setenv("TOCSIN_SECRET_FILE", "/etc/tocsin.secret")
    assert settings.read().secret_path == Path("/etc/tocsin.secret")


def test_networks_are_listed_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.read().allowed_networks == []
    monkeypatch.setenv("TOCSIN_WEBHOOK_NETWORKS", "10.1.0.0/16, fd00::/8,127.0.0.1")
    allowed = [str(network) for network in settings.read().allowed_networks]
    assert allowed == ["10.1.0.0/16", "fd00::/8", "127.0.0.1/32"]


def test_a_mistyped_name_is_refused_with_the_name_that_is_meant(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TOCSIN_PROT", "3")
    with pytest.raises(Misconfigured, match=r"TOCSIN_PROT: is no setting; is TOCSIN_PORT meant\?"):
        settings.read()


@pytest.mark.parametrize("make", [assemble, delivery.assemble])
def test_a_secret_in_a_folder_that_is_not_there_is_not_made(
    tmp_path: Path, make: Callable[[Settings], object]
) -> None:
    urls = {"database_url": "postgresql://h/d", "redis_url": "redis://h"}
    secret_file = tmp_path / "unmounted" / "secret"
    given = Settings.model_validate({"data_dir": tmp_path, "secret_file": secret_file, **urls})
    with pytest.raises(Misconfigured, match="unmounted"):
        make(given)
    assert not (tmp_path / "unmounted").exists()
