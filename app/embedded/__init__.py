"""PostgreSQL and Valkey from wheels, for who has no servers of their own.

    with installation(data_dir, tell=print) as servers, Supervisor(on_event=show) as supervisor:
        supervisor.start(*servers.children)
        urls = servers.prepare()

The data folder is locked for one supervisor; the servers listen on unix sockets in a 0700 folder.
"""

from app.embedded.installation import Installation, Urls, installation, running
from app.embedded.temporary import temporary, throwaway_folder

__all__ = ["Installation", "Urls", "installation", "running", "temporary", "throwaway_folder"]
