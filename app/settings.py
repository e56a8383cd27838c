"""Every setting of the service, read once from the environment (`TOCSIN_…`) and passed down."""

import difflib
import os
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Literal, Self, TypeVar

from pydantic import (
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from app import setting_values, signing
from app.errors import FieldError, Misconfigured
from app.setting_values import HttpUrl, MailUrl, NetworkList, PostgresUrl, RedisUrl, SchemeList
from app.signing import Secret


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="TOCSIN_", env_ignore_empty=True)

    data_dir: Path = Field(Path(".tocsin"), description="Folder of everything that is kept")
    host: str = Field("127.0.0.1", description="Address that the server listens on")
    port: int = Field(8080, ge=1, le=65535, description="Port that the server listens on")
    trusted_proxies: int = Field(
        0,
        ge=0,
        le=16,
        description="Proxies before the server; `X-Forwarded-For` is believed as far as they "
        "wrote it, and with 0 not at all",
    )
    database_url: PostgresUrl | None = Field(
        None,
        description="PostgreSQL 15 or newer, as the server's role `tocsin_server`; "
        "`tocsin up` starts one of its own where none is given",
    )
    owner_database_url: PostgresUrl | None = Field(
        None, description="The same database as its owner: for `migrate` and upkeep only"
    )
    redis_url: RedisUrl | None = Field(
        None,
        description="Redis 7 or a compatible server; `tocsin up` starts one where none is given",
    )
    secret_file: Path | None = Field(
        None,
        description="File of the installation secret, the same on all hosts; "
        "default `secret` in the data folder, made on first start",
    )
    api_processes: int | None = Field(
        None,
        ge=1,
        le=256,
        description="Processes that answer requests; default: one for each processor, 2 to 8",
    )
    api_threads: int = Field(16, ge=1, le=64, description="Threads of each of those processes")
    drain_s: float = Field(
        0,
        ge=0,
        le=600,
        description="Seconds after SIGTERM in which requests are still answered while `/readyz` "
        "says 503, for balancers that ask it",
    )
    worker_processes: int | None = Field(
        None,
        ge=1,
        le=256,
        description="Trainings at the same time; default: one for every second processor, 1 to 4",
    )
    upload_bytes: int = Field(
        50_000_000, ge=1000, description="Largest body of an upload, counted after inflating"
    )
    json_bytes: int = Field(8_000_000, ge=1000, description="Largest JSON body")
    database_connections: int = Field(
        16, ge=1, le=1000, description="Connections of each process to the database, at most"
    )
    cache_ttl_s: int = Field(
        86_400, ge=1, description="Seconds after which an unused cache entry is dropped"
    )
    model_memory_bytes: int = Field(
        1_000_000_000,
        ge=0,
        description="Memory of each process for the models and last points of series: 0.6 MB each, "
        "2 MB where history repeats itself",
    )
    slow_requests: int = Field(
        1,
        ge=1,
        description="Detections (`/v1/detect`) that a process computes at a time; others wait",
    )
    job_lease_s: float = Field(
        10.0, ge=1, description="Seconds without a sign of life after which a job is taken over"
    )
    tenant_requests_per_s: float = Field(
        100, gt=0, description="Requests a second of a tenant that has no limit of its own"
    )
    key_requests_per_s: float | None = Field(
        None, gt=0, description="Requests a second of one key; default: those of its tenant"
    )
    tenant_points_per_day: int = Field(
        10_000_000, ge=1, description="Points stored a day (UTC) for a tenant without its own limit"
    )
    tenant_series: int = Field(10_000, ge=1, description="Series of a tenant, likewise")
    tenant_stored_points: int = Field(1_000_000_000, ge=1, description="Points kept, likewise")
    tenant_upload_bytes: int = Field(
        50_000_000, ge=1, description="Largest upload, likewise; never over `upload_bytes`"
    )
    tenant_concurrent_trainings: int = Field(
        4, ge=1, description="Trainings at the same time, likewise; others wait"
    )
    tenant_model_versions: int = Field(
        10, ge=1, description="Model versions kept of a series, likewise; older ones go"
    )
    webhook_calls: int = Field(
        32, ge=0, le=1000, description="Webhooks called at the same time; 0: none from this host"
    )
    webhook_networks: NetworkList = Field(
        "",
        description="Networks that webhooks may reach though they are not public, by plain HTTP "
        "too, such as `10.1.0.0/16`; separated by commas",
    )
    notice_schemes: SchemeList = Field(
        "",
        description="What notices to people may be sent by, separated by commas: "
        "`discord`, `gchat`, `mailto`, `pover`, `slack`, `tgram`; default: none are sent",
    )
    mail_url: MailUrl | None = Field(
        None,
        validate_default=True,
        description="Mail server of notices, as apprise has it, such as "
        "`mailtos://user:password@mail.example.com:587?from=tocsin@example.com`",
    )
    metrics_tenants: int = Field(
        20,
        ge=0,
        le=1000,
        description="Tenants that `/v1/admin/metrics` names, those that stored most today; the "
        "rest are `other`",
    )
    otlp_url: HttpUrl | None = Field(
        None,
        description="OpenTelemetry collector that takes traces, such as `http://127.0.0.1:4318`; "
        "default: none are made",
    )
    trace_share: float = Field(
        1.0, ge=0, le=1, description="Share of requests that are traced; who sends a trace decides"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least level that is logged"
    )
    log_format: Literal["json", "text"] = Field("json", description="Form of a log line")

    @property
    def allowed_networks(self) -> list[IPv4Network | IPv6Network]:
        return setting_values.networks(self.webhook_networks)

    @property
    def notice_channels(self) -> list[str]:
        return setting_values.listed(self.notice_schemes)

    @field_validator("mail_url")
    @classmethod
    def _is_there_for_mail(cls, url: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if url is None and "mailto" in setting_values.listed(info.data.get("notice_schemes", "")):
            raise ValueError("is needed: TOCSIN_NOTICE_SCHEMES names mailto")
        return url

    @model_validator(mode="after")
    def _secret_has_a_place(self) -> Self:
        if self.secret_file is None:
            self.secret_file = self.data_dir / "secret"
        return self

    def answering_processes(self, processors: int) -> int:
        return self.api_processes or min(max(processors, 2), 8)

    def training_processes(self, processors: int) -> int:
        return self.worker_processes or min(max(processors // 2, 1), 4)

    @property
    def secret_path(self) -> Path:
        return self.secret_file or self.data_dir / "secret"

    def installation_secret(self) -> Secret:
        """Made on the first start. A volume that is not mounted must not lead to a second secret,
        with which no key works."""
        folder = self.secret_path.parent
        if folder != self.data_dir and not folder.is_dir():
            raise Misconfigured(f"TOCSIN_SECRET_FILE: the folder {folder} is not there")
        return signing.load(self.secret_path)

    def required(self, name: Literal["database_url", "owner_database_url", "redis_url"]) -> str:
        """The URL of that name, or an error that says which variable to set."""
        url: SecretStr | None = getattr(self, name)
        if url is None:
            variable = f"TOCSIN_{name.upper()}"
            raise Misconfigured(
                f"{variable} is not set. Give the URL of a server, "
                "or use `tocsin up`, which starts servers of its own."
            )
        return url.get_secret_value()


class ClientSettings(BaseSettings):
    """What the commands that talk to a running service need to know."""

    model_config = SettingsConfigDict(env_prefix="TOCSIN_", env_ignore_empty=True)

    data_dir: Path = Field(Path(".tocsin"), description="Folder with `credentials.json`")
    url: str | None = Field(
        None, description="Address of the service; default: the one in `credentials.json`"
    )
    api_key: SecretStr | None = Field(
        None, description="Key to use; default: the one in `credentials.json`"
    )

    @field_validator("url")
    @classmethod
    def _is_http(cls, url: str | None) -> str | None:
        if url and not url.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return url


Model = TypeVar("Model", bound=BaseSettings)


def read() -> Settings:
    """The settings of this environment; an error names all that are wrong at once."""
    return _read(Settings)


def read_client() -> ClientSettings:
    """The same for a client."""
    return _read(ClientSettings)


def _read(model: type[Model]) -> Model:
    wrong = _unknown()
    try:
        found = model()
    except ValidationError as error:
        wrong += [
            FieldError(
                f"TOCSIN_{'_'.join(map(str, e['loc'])).upper()}",
                e["msg"].removeprefix("Value error, "),
            )
            for e in error.errors()
        ]
    if wrong:
        lines = "; ".join(f"{e.field}: {e.message}" for e in wrong)
        raise Misconfigured(f"Settings that are not valid: {lines}")
    return found


def _unknown() -> list[FieldError]:
    """A mistyped name would otherwise leave its setting at the default, without a word."""
    fields = [*Settings.model_fields, *ClientSettings.model_fields]
    known = {f"TOCSIN_{name.upper()}" for name in fields}
    given = [name for name in os.environ if name.upper().startswith("TOCSIN_")]
    return [
        FieldError(name, "is no setting" + _hint(name, known))
        for name in sorted(given)
        if name.upper() not in known and not name.startswith("TOCSIN_TEST_")
    ]


def _hint(name: str, known: set[str]) -> str:
    alike = difflib.get_close_matches(name.upper(), sorted(known), 1)
    return f"; is {alike[0]} meant?" if alike else ""
