"""The embedded servers, started by a command where no others are set."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from app import embedded
from app.cli import servers
from app.cli.steps import Steps
from app.embedded import Installation
from app.processes import Child, Supervisor
from app.settings import Settings


@contextmanager
def installation(configured: Settings, steps: Steps) -> Iterator[Installation | None]:
    """The embedded servers, unless others are set for both."""
    if configured.database_url is not None and configured.redis_url is not None:
        yield None
        return
    with ExitStack() as stack:
        with steps.step("Laying out the data folder", f"data in {configured.data_dir.resolve()}"):
            found = stack.enter_context(
                embedded.installation(
                    configured.data_dir,
                    steps.note,
                    has_postgres=configured.database_url is None,
                )
            )
        yield found


def begin(
    configured: Settings, supervisor: Supervisor, installation: Installation | None
) -> Settings:
    """Start the servers that are missing; the settings with them, before `await_ready`."""
    if installation is None:
        return configured
    supervisor.begin(*_missing(configured, installation))
    return servers.with_urls(configured, installation.urls)


def await_ready(
    configured: Settings, supervisor: Supervisor, installation: Installation | None
) -> None:
    """Return when those that `begin` started can be worked with."""
    if installation is None:
        return
    supervisor.await_ready(*(child.name for child in _missing(configured, installation)))
    if configured.database_url is None:
        installation.prepare()


def _missing(configured: Settings, installation: Installation) -> list[Child]:
    given = {"postgres": configured.database_url, "valkey": configured.redis_url}
    return [child for child in installation.children if given[child.name] is None]


@contextmanager
def alone(configured: Settings, steps: Steps) -> Iterator[Settings]:
    """For one command, with no service beside it; Ctrl-C ends the command, and then the servers."""
    with (
        installation(configured, steps) as found,
        Supervisor(steps.show, handles_signals=False) as supervisor,
    ):
        complete = begin(configured, supervisor, found)
        await_ready(configured, supervisor, found)
        yield complete
