"""A Redis that does not answer is asked by one at a time, and by all once it does."""

import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.cache import entries, pause
from app.cache.entries import Cache
from app.cache.pause import Pause
from app.cache.rates import Bucket, Meter, Rates
from app.signing import Secret
from tests.conftest import Servers

SECRET = Secret({1: bytes(32)})


@pytest.fixture
def is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each pause, as soon as it began."""
    monkeypatch.setattr(pause, "PAUSE_S", 0.0)


def test_after_a_failure_nobody_asks_for_a_while() -> None:
    paused = Pause()
    assert not paused.holds()
    paused.begin()
    assert paused.holds()


def test_while_one_tries_the_others_do_not(is_over: None) -> None:
    paused = Pause()
    paused.begin()
    assert [paused.holds() for _ in range(3)] == [False, True, True]


def test_after_an_answer_all_ask_again(is_over: None) -> None:
    paused = Pause()
    paused.begin()
    paused.holds()
    paused.end()
    assert [paused.holds() for _ in range(3)] == [False, False, False]


def test_one_who_tries_and_never_says_what_came_of_it_is_followed_by_another(
    is_over: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pause, "TRIED_WITHIN_S", 0.0)
    paused = Pause()
    paused.begin()
    assert [paused.holds() for _ in range(3)] == [False, False, False]


def test_a_redis_that_is_silent_is_waited_for_by_one_thread_of_many(
    is_over: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entries, "ANSWER_TIMEOUT_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent, ThreadPoolExecutor(8) as threads:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        for client in (Cache(url, SECRET, 10), Rates(url)):
            ask(client)
            silent.setblocking(False)
            asked_before = connections(silent)
            list(threads.map(lambda _, client=client: ask(client), range(8)))
            assert connections(silent) <= asked_before
            client.close()


def ask(client: Cache | Rates) -> None:
    if isinstance(client, Cache):
        assert client.get("key") is None
    else:
        assert client.take(Meter((Bucket("tenant", "key", 10),))).edition is None


def connections(listening: socket.socket) -> int:
    """That nobody accepted so far."""
    found = 0
    while True:
        try:
            listening.accept()[0].close()
        except BlockingIOError:
            return found
        found += 1


def test_a_redis_that_is_back_is_asked_by_all(is_over: None, servers: Servers) -> None:
    cache, rates = Cache(servers.redis_url, SECRET, 10), Rates(servers.redis_url)
    for client in (cache, rates):
        client._pause.begin()
    cache.put("key", b"content")
    assert [cache.get("key") for _ in range(3)] == [b"content"] * 3
    assert all(rates.take(Meter((Bucket("tenant", "key", 10),))).edition for _ in range(3))
