"""What runs on the hosts of the database and of the cache: the embedded servers, reached by TCP.

`python -m tests.cluster.servers database|cache`, with the address and the folder in the settings,
for the cache also its URL. The database's URLs are in the folder, as those of any embedded server.
"""

import sys
from dataclasses import replace
from pathlib import Path

from redis import ConnectionPool

from app import embedded, settings
from app.processes import Child, Supervisor
from app.settings import Settings

LOGINS = "local all all scram-sha-256\nhost all all samenet scram-sha-256\n"


def main(kind: str) -> None:
    configured, is_database = settings.read(), kind == "database"
    with (
        embedded.installation(configured.data_dir, has_postgres=is_database) as servers,
        Supervisor() as supervisor,
    ):
        postgres, valkey = servers.children
        if is_database:
            supervisor.start(_by_tcp(postgres, configured.host, configured.data_dir))
            servers.prepare()
        else:
            supervisor.start(_with_password(valkey, configured))
        supervisor.run_until_signal()


def _by_tcp(postgres: Child, address: str, folder: Path) -> Child:
    logins = folder / "pg_hba.conf"
    logins.write_text(LOGINS)
    logins.chmod(0o644)
    changed = {"listen_addresses": address, "hba_file": logins}
    words = [word for name, value in changed.items() for word in ("-c", f"{name}={value}")]
    return replace(postgres, argv=[*postgres.argv, *words])


def _with_password(valkey: Child, configured: Settings) -> Child:
    """Whether it answers is asked from outside, with the password."""
    known = ConnectionPool.from_url(configured.required("redis_url")).connection_kwargs
    changed = {"bind": known["host"], "port": known["port"], "requirepass": known["password"]}
    words = [word for name, value in changed.items() for word in (f"--{name}", str(value))]
    return replace(valkey, argv=[*valkey.argv, *words], is_ready=None)


if __name__ == "__main__":
    main(*sys.argv[1:])
