"""Beyond one machine: whichever host answers, and whichever loses its power, without a word."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.store import series
from app.store.database import Database, become_tenant
from tests.chaos.trainings import Training
from tests.cluster import courses
from tests.cluster.cluster import Cluster, readiness, url_of
from tests.cluster.courses import Verdict
from tests.cluster.hosts import Host
from tests.cluster.loads import loaded
from tests.service import Tenant, wait_until

# Begun first, so that all of it is run by one process: a second one would need hosts of its own.
pytestmark = pytest.mark.long

POINTS = 24
TRAINED_POINTS = 600  # for a second or more
SILENCE_S = 3.0  # of a host that died, until its clients turn to the other one


@pytest.fixture(scope="module")
def expected(cluster: Cluster) -> list[Verdict]:
    """What one host says of the course."""
    first, _ = cluster.new_tenant()
    courses.begin(first, "one")
    found = courses.by_turns([first], "one", range(POINTS))
    assert any(verdict["alert"] for verdict in found), "no verdict to be wrong about"
    return found


def test_a_series_judged_by_two_hosts_in_turn_has_the_verdicts_of_one(
    cluster: Cluster, expected: list[Verdict]
) -> None:
    first, second = cluster.new_tenant()
    courses.begin(first, "both")
    assert courses.by_turns([first, second], "both", range(POINTS)) == expected


def test_a_score_is_the_same_when_the_other_host_is_asked_again(cluster: Cluster) -> None:
    first, second = cluster.new_tenant()
    courses.begin(first, "twice")
    told = courses.by_turns([first, second], "twice", range(POINTS))
    assert courses.by_turns([second, first], "twice", range(POINTS)) == told
    assert courses.stored(first, "twice") == courses.stored(second, "twice")
    assert courses.stored(second, "twice")[-POINTS:] == told


def test_series_judged_at_the_same_time_by_both_hosts_have_the_verdicts_of_one(
    cluster: Cluster, expected: list[Verdict]
) -> None:
    first, second = cluster.new_tenant()
    names = [f"at-once-{n}" for n in range(4)]
    for name in names:
        courses.begin(first, name)
    orders = [[first, second], [second, first]] * 2
    with ThreadPoolExecutor(len(names)) as threads:
        found = threads.map(courses.by_turns, orders, names, [range(POINTS)] * len(names))
        assert list(found) == [expected] * len(names)


def test_a_point_sent_to_both_hosts_at_once_gets_one_verdict(
    cluster: Cluster, expected: list[Verdict]
) -> None:
    hosts = cluster.new_tenant()
    courses.begin(hosts[0], "raced")
    with ThreadPoolExecutor(2) as threads:
        for i in range(POINTS):
            raced = threads.map(courses.judge, hosts, ["raced"] * 2, [i] * 2)
            assert list(raced) == [expected[i]] * 2


def test_verdicts_of_both_hosts_agree_after_the_cache_is_emptied_and_after_a_training(
    cluster: Cluster,
) -> None:
    first, second = cluster.new_tenant()
    for name in ("one", "both"):
        courses.begin(first, name)

    def agreed(numbers: range) -> Sequence[Verdict]:
        alone = courses.by_turns([first], "one", numbers)
        assert courses.by_turns([first, second], "both", numbers) == alone
        return alone

    agreed(range(POINTS))
    with cluster.redis() as redis:
        redis.flushall()
    agreed(range(POINTS, 2 * POINTS))
    first.train("one")
    second.train("both")
    assert agreed(range(2 * POINTS, 3 * POINTS))[-1]["model_version"] == 2
    assert courses.stored(second, "both") == courses.stored(first, "one")


def test_a_key_revoked_on_one_host_is_refused_by_the_other_at_once(cluster: Cluster) -> None:
    first, second = cluster.new_tenant()
    for n in range(10):
        made = first.http.post("/v1/keys", json={"name": f"key {n}", "scopes": ["read"]}).json()
        other = {"Authorization": f"Bearer {made['secret']}"}
        for _ in range(8):  # so that each of its processes knows it
            assert second.http.get("/v1/me", headers=other).status_code == 200
        assert first.http.delete(f"/v1/keys/{made['id']}").status_code == 204
        assert second.http.get("/v1/me", headers=other).status_code == 401


def test_what_a_host_acknowledged_before_it_died_is_there_once_and_the_other_answers(
    cluster: Cluster,
) -> None:
    dying, living = cluster.apis
    with loaded(cluster, dying, SILENCE_S) as moved, loaded(cluster, living) as staying:
        moved.await_served(time.monotonic())
        at = time.monotonic()
        with dying.without_power():
            moved.move_to(url_of(living))
            moved.await_served(at)
            staying.await_served(at)
    lost = [asked.failure for asked in staying.since(at) if asked.failure.endswith("Error")]
    assert lost == []


def test_what_a_dead_host_held_locked_is_let_go(cluster: Cluster) -> None:
    dying, _ = cluster.apis
    first, second = cluster.new_tenant()
    courses.begin(first, "held")
    [(tenant_id,)] = cluster.rows(f"SELECT id FROM tenants WHERE slug = '{first.slug}'")
    database = Database(cluster.urls["server"], connections=1)
    with dying.entered():
        held = database.engine.connect()
    become_tenant(held, tenant_id)
    series.lock_one(held, tenant_id, "held")
    with dying.without_power():
        wait_until(lambda: not sessions(cluster, dying), "the database gives up the dead host")
        courses.judge(second, "held", 0)
    held.invalidate()


def sessions(cluster: Cluster, host: Host) -> int:
    """Of the host, in the database."""
    query = f"SELECT count(*) FROM pg_stat_activity WHERE client_addr = '{host.address}'"
    [(found,)] = cluster.rows(query)
    return int(found)


def test_trainings_of_a_dead_worker_host_are_done_by_the_other(cluster: Cluster) -> None:
    first, _ = cluster.new_tenant()
    trainings = [training(cluster, first, f"both-busy-{n}") for n in range(2)]
    for each in trainings:
        each.ask()
    wait_until(
        lambda: all(each.job()["status"] == "running" for each in trainings), "each host has one"
    )
    with cluster.workers[0].without_power():
        assert [wrong for each in trainings for wrong in each.wrong_at_end()] == []
        assert max(each.job()["attempt"] for each in trainings) == 2
        later = training(cluster, first, "later")
        later.ask()
        assert later.wrong_at_end() == []


def training(cluster: Cluster, tenant: Tenant, name: str) -> Training:
    url = url_of(cluster.apis[0])
    return Training(url, tenant.key, name, TRAINED_POINTS, detector=courses.DETECTOR)


def test_without_the_cache_host_verdicts_are_the_same_and_trainings_are_made_up_for(
    cluster: Cluster, expected: list[Verdict]
) -> None:
    hosts = first, _ = cluster.new_tenant()
    courses.begin(first, "both")
    running, asked = (training(cluster, first, name) for name in ("running", "asked"))
    running.begin()
    found = courses.by_turns(hosts, "both", range(8))
    with cluster.cache.without_power():
        found += courses.by_turns(hosts, "both", range(8, 16))
        asked.ask()
        for host in cluster.apis:
            assert readiness(host).items() >= {"status": "degraded", "database": "ok"}.items()
    assert found + courses.by_turns(hosts, "both", range(16, POINTS)) == expected
    assert running.wrong_at_end() + asked.wrong_at_end() == []


def test_a_database_host_that_dies_and_comes_back_has_all_that_was_acknowledged(
    cluster: Cluster,
) -> None:
    one, other = cluster.apis
    with loaded(cluster, one) as asking, loaded(cluster, other) as asking_too:
        for load in (asking, asking_too):
            load.await_served(time.monotonic())
        with cluster.database.without_power():
            for host in cluster.apis:
                wait_until(lambda host=host: refuses(host), f"{host.name} says 503")  # type: ignore[misc]
        at = time.monotonic()
        for load in (asking, asking_too):
            load.await_served(at)


def refuses(host: Host) -> bool:
    return readiness(host).get("status") == "unavailable"
