"""Where the hosts of a cluster are put up, with what production sets on each of them."""

import json
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from app import embedded
from tests.chaos.ground import PROGRAM, by_tcp
from tests.cluster.cluster import Cluster
from tests.cluster.hosts import ROOT, Host
from tests.cluster.namespaces import NETWORK, Switch
from tests.service import wait_until

SERVERS = (sys.executable, "-m", "tests.cluster.servers")
DATABASE_PORT, CACHE_PORT, API_PORT = 5432, 6379, 8080


@dataclass
class Site:
    switch: Switch
    logs: Path
    stack: ExitStack

    def host(self, name: str, number: int, *argv: str, **settings: str) -> Host:
        """Not yet with power. Its folder is its own, and goes with the site."""
        folder = self.stack.enter_context(embedded.throwaway_folder())
        address = f"{NETWORK}.{number}"
        inherited = {name: text for name, text in os.environ.items() if "TOCSIN" not in name}
        environment = {
            **inherited,
            "PYTHONPATH": str(ROOT),
            "TOCSIN_DATA_DIR": str(folder),
            "TOCSIN_HOST": address,
            **settings,
        }
        log = self.logs / f"{name}.log"
        made = Host(name, address, argv, environment, folder, log, self.switch)
        self.stack.callback(made.lose_power)
        return made

    def database(self) -> Host:
        """With power, since it makes its passwords at its first start."""
        made = self.host("database", 2, *SERVERS, "database")
        made.power_on()
        wait_until((made.folder / "urls.json").exists, f"{made.log} says more")
        return made

    def cache(self) -> tuple[Host, str]:
        """-> with power, and its URL."""
        address = f"{NETWORK}.3"
        url = f"redis://:{secrets.token_hex(16)}@{address}:{CACHE_PORT}/0"
        made = self.host("cache", 3, *SERVERS, "cache", TOCSIN_REDIS_URL=url)
        made.power_on()
        return made, url

    def with_secret(self, hosts: list[Host]) -> None:
        """The same on all of them."""
        secret = f"1 {secrets.token_hex(32)}\n"
        for host in hosts:
            (host.folder / "secret").write_text(secret)


@contextmanager
def cluster(switch: Switch, logs: Path) -> Iterator[Cluster]:
    """All hosts ready; the calling thread is in their network, and back again afterwards."""
    with switch.namespace.entered(), ExitStack() as stack:
        site = Site(switch, logs, stack)
        database, (cache, redis_url) = site.database(), site.cache()
        urls = _urls(database)
        settings = {
            "TOCSIN_DATABASE_URL": urls["server"],
            "TOCSIN_REDIS_URL": redis_url,
            "TOCSIN_TENANT_REQUESTS_PER_S": "100000",
        }
        apis = [site.host(f"api-{n}", 10 + n, str(PROGRAM), "serve", **settings) for n in (1, 2)]
        settings["TOCSIN_OWNER_DATABASE_URL"] = urls["owner"]
        workers = [
            site.host(f"worker-{n}", 20 + n, str(PROGRAM), "worker", **settings) for n in (1, 2)
        ]
        site.with_secret([*apis, *workers])
        made = Cluster(apis, workers, database, cache, urls, redis_url)
        made.start()
        yield made


def _urls(database: Host) -> dict[str, str]:
    """By role, as other hosts reach it."""
    found = json.loads((database.folder / "urls.json").read_text())
    found["superuser"] = found["superuser"].replace("/postgres?", "/tocsin?")
    roles = ("server", "owner", "superuser")
    return {role: by_tcp(found[role], database.address, DATABASE_PORT) for role in roles}
