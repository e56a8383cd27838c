"""The cluster: started once for a module, where the machine allows networks of one's own."""

import subprocess
from collections.abc import Iterator

import pytest

from tests.chaos import needs
from tests.chaos.rows import Skipped
from tests.cluster.cluster import Cluster
from tests.cluster.namespaces import Switch
from tests.cluster.site import cluster as put_up


def a_switch() -> Switch:
    """With which a cable was tried; a machine that has none is no failure."""
    try:
        needs.root()
        needs.program("unshare")
        made = Switch()
        made.try_out()
    except Skipped as reason:
        pytest.skip(f"hosts of a cluster: {reason}")
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"hosts of a cluster: this machine makes no networks of its own: {error}")
    return made


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with put_up(a_switch(), tmp_path_factory.mktemp("cluster")) as made:
        yield made


@pytest.fixture(autouse=True)
def is_whole(cluster: Cluster) -> None:
    """Whatever the test before left."""
    cluster.await_ready()
