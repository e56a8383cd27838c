"""The embedded servers, started by a command where no others are set."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from app import embedded
from app.cli import servers
from app.cli.steps import Steps
from app.embedded import Installation
from app.processes import Supervisor
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


def started(configured: Settings, supervisor: Supervisor, installation: Installation) -> Settings:
    """The settings with the servers that were missing, once they run."""
    given = {"postgres": configured.database_url, "valkey": configured.redis_url}
    supervisor.start(*(child for child in installation.children if given[child.name] is None))
    is_ours = configured.database_url is None
    return servers.with_urls(configured, installation.prepare() if is_ours else installation.urls)


@contextmanager
def alone(configured: Settings, steps: Steps) -> Iterator[Settings]:
    """For one command, with no service beside it; Ctrl-C ends the command, and then the servers."""
    with (
        installation(configured, steps) as found,
        Supervisor(steps.show, handles_signals=False) as supervisor,
    ):
        yield configured if found is None else started(configured, supervisor, found)
