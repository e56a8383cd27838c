"""The processes of the service as children of a supervisor: the server, workers, and the rest."""

import contextlib
import hashlib
import http.client
import os
import resource
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import app
from app.processes import Child, Gate, usable_processors
from app.settings import Settings

# Where the packages `app` and `workers` are: `python -m` looks in its working folder first, and a
# folder `app` where the command was called is not ours.
ROOT = Path(app.__file__).resolve().parents[1]

IN_MEMORY = Path("/dev/shm")  # noqa: S108  # nosec B108 - mkdtemp makes it private
# Of the C library. As thousands of series come and go, what a model's nodes leave goes back to the
# system, and threads share what small arrays leave: without, a process takes half more than it
# holds. What is smaller than nodes, as the bytes that a model is read from, finds memory that is
# there: to have pages made for it each time was a fifth of a score beyond the memory.
ALLOCATION = {
    "MALLOC_MMAP_THRESHOLD_": str(384 * 1024),
    "MALLOC_TRIM_THRESHOLD_": str(4 * 1024 * 1024),
    "MALLOC_ARENA_MAX": "2",
}
CGI_NAMES = ("CONTENT_TYPE", "CONTENT_LENGTH")
ANSWER_WITHIN_S = 0.5
SERVER_GRACE_S = 15.0
WORKER_GRACE_S = 25.0  # under the 30 s that orchestrators give
UPKEEP_GRACE_S = 5.0
DELIVERY_GRACE_S = 15.0  # for the calls that are under way


def server(
    settings: Settings, metrics_dir: Path, log_dir: Path | None = None, gate: Gate | None = None
) -> Child:
    """Granian, which has processes of its own; ready when it answers, which it does not before the
    gate is open."""
    # Granian copies its environment into that of each request, where HTTP_… are its headers.
    environment = {
        name: text
        for name, text in _environment(settings).items()
        if not name.startswith(("HTTP_", "GRANIAN_")) and name not in CGI_NAMES
    }
    return Child(
        "server",
        [sys.executable, "-m", "app.cli.served", *([str(gate.fd)] if gate else [])],
        env={**ALLOCATION, **environment, "PROMETHEUS_MULTIPROC_DIR": str(metrics_dir)},
        cwd=ROOT,
        grace_s=SERVER_GRACE_S + settings.drain_s,
        is_ready=lambda: answers(reachable_host(settings.host), settings.port),
        log_path=log_dir and log_dir / "server.log",
        is_outlived=True,
        kept_fds=(gate.fd,) if gate else (),
    )


def workers(settings: Settings, log_dir: Path | None = None) -> list[Child]:
    """As many as the settings say, what calls webhooks, and upkeep, which alone knows the
    database's owner."""
    environment = _environment(settings)
    found = [
        _module(f"worker-{number}", "workers.main", environment, WORKER_GRACE_S, log_dir)
        for number in range(1, settings.training_processes(usable_processors()) + 1)
    ]
    if settings.webhook_calls:
        found.append(
            _module("delivery", "workers.delivery", environment, DELIVERY_GRACE_S, log_dir)
        )
    if settings.owner_database_url is not None:
        owner_url = settings.owner_database_url.get_secret_value()
        environment = {**environment, "TOCSIN_OWNER_DATABASE_URL": owner_url}
    return [*found, _module("upkeep", "workers.upkeep", environment, UPKEEP_GRACE_S, log_dir)]


@contextlib.contextmanager
def metrics_folder(settings: Settings) -> Iterator[Path]:
    """A new folder in which the server's processes add up their numbers.

    In memory where there is such a place: these are mapped files, and who writes to one on a full
    disk is killed.
    """
    data_dir = settings.data_dir.resolve()
    place = IN_MEMORY if os.access(IN_MEMORY, os.W_OK) else data_dir
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
    prefix = f"tocsin-{os.geteuid()}-{digest}-{settings.port}-"
    for old in place.glob(f"{prefix}*"):  # of a server that was killed
        shutil.rmtree(old, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=place))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def allow_many_connections() -> None:
    """As many open files as this account may have: the usual 1,024 are fewer than connections."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def reachable_host(host: str) -> str:
    """Where a server that listens on all addresses can be asked."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # nosec B104 - is compared, not bound


def url(settings: Settings) -> str:
    """The server's address for clients on this host."""
    host = reachable_host(settings.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


def answers(host: str, port: int) -> bool:
    """Whether a server there says that it is up."""
    connection = http.client.HTTPConnection(host, port, timeout=ANSWER_WITHIN_S)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _module(
    name: str, module: str, environment: dict[str, str], grace_s: float, log_dir: Path | None
) -> Child:
    return Child(
        name,
        [sys.executable, "-m", module],
        env=environment,
        cwd=ROOT,
        # Nothing waits for them when the supervisor was killed: their jobs' leases run out.
        death_signal=signal.SIGKILL,
        grace_s=grace_s,
        log_path=log_dir and log_dir / f"{name}.log",
    )


def _environment(settings: Settings) -> dict[str, str]:
    """Ours, with absolute paths, the servers that were found, and without the owner's URL."""
    environment = dict(os.environ)
    environment.pop("TOCSIN_OWNER_DATABASE_URL", None)
    return environment | {
        "TOCSIN_DATA_DIR": str(settings.data_dir.resolve()),
        "TOCSIN_SECRET_FILE": str(settings.secret_path.resolve()),
        "TOCSIN_DATABASE_URL": settings.required("database_url"),
        "TOCSIN_REDIS_URL": settings.required("redis_url"),
    }
