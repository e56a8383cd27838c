"""A supervisor of both servers as a process of its own, for tests to kill; run by path.

Arguments: data folder, folder for what cannot be reached there. Prints a JSON line for each event.
"""

import json
import sys
from pathlib import Path

from app import embedded
from app.errors import TocsinError
from app.processes import Event, Supervisor


def tell(kind: str, **said: object) -> None:
    print(json.dumps({"kind": kind, **said}), flush=True)


def show(name: str, event: Event) -> None:
    tell(event.kind, name=name, detail=event.detail)


def main(data_dir: Path, elsewhere: Path) -> None:
    def note(line: str) -> None:
        tell("note", detail=line)

    with (
        embedded.installation(data_dir, note, elsewhere=elsewhere) as servers,
        Supervisor(show) as supervisor,
    ):
        supervisor.start(*servers.children)
        urls = servers.prepare()
        urls_by_name = {name: getattr(urls, name) for name in ("server", "owner", "superuser")}
        tell("up", redis=urls.redis, home=str(servers.home), **urls_by_name)
        supervisor.run_until_signal()


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), Path(sys.argv[2]))
    except TocsinError as error:
        tell("refused", code=error.code, detail=error.detail)
        sys.exit(1)
