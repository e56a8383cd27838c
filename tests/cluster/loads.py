"""Clients that ask one of the hosts all the time, and what they were told against what is there."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.chaos.checker import Checker
from tests.chaos.load import TIMEOUT_S, Load
from tests.cluster.cluster import Cluster, url_of
from tests.cluster.hosts import Host

SEED = 1


@contextmanager
def loaded(cluster: Cluster, host: Host, timeout_s: float = TIMEOUT_S) -> Iterator[Load]:
    """With clients of a tenant of their own; whatever happens inside, once all hosts are back
    what was acknowledged is there, once, as it was told."""
    key = cluster.new_tenant()[0].key
    load = Load(url_of(host), key, SEED, timeout_s=timeout_s)
    load.start()
    try:
        yield load
    finally:
        load.stop()
    cluster.await_ready()
    found = Checker(url_of(host), cluster.rows, key, load.ledger).check_all()
    assert (found.lost, found.twice, found.problems, found.late) == (0, 0, [], [])
    assert load.ledger.acknowledged
