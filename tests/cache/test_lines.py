"""Commands over connections of redis-py's, without its layers around them."""

import socket
from collections.abc import Iterator

import pytest
from redis import Redis
from redis.exceptions import NoScriptError, ResponseError
from redis.exceptions import TimeoutError as Silent

from app.cache.lines import Lines, command
from tests.conftest import Servers

ABSENT_SCRIPT = "0" * 40


@pytest.fixture
def lines(servers: Servers) -> Iterator[Lines]:
    made = Lines(Redis.from_url(servers.redis_url))
    yield made
    made.close()


def test_a_refusal_is_raised_and_the_line_goes_on(lines: Lines) -> None:
    with pytest.raises(ResponseError, match="unknown command"):
        lines.ask(command("UNHEARD-OF"))
    with pytest.raises(NoScriptError):
        lines.ask(command("EVALSHA", ABSENT_SCRIPT, "0"))
    assert lines.ask(command("ECHO", "here")) == b"here"


def test_of_commands_that_go_together_the_last_is_answered_and_any_refusal_raised(
    lines: Lines,
) -> None:
    assert lines.ask(command("ECHO", "first"), command("ECHO", "last")) == b"last"
    with pytest.raises(ResponseError, match="unknown command"):
        lines.ask(command("UNHEARD-OF"), command("ECHO", "last"))
    assert lines.ask(command("ECHO", "here")) == b"here"


def test_the_number_in_the_url_is_the_one_that_is_asked(servers: Servers) -> None:
    one, other = (Redis.from_url(url) for url in (servers.redis_url, servers.other_redis_url))
    lines = Lines(other)
    lines.ask(command("SET", "only-there", "1", "PX", "60000"))
    assert (one.exists("only-there"), other.exists("only-there")) == (0, 1)
    lines.close()


def test_a_line_that_the_server_closed_is_made_anew(lines: Lines, servers: Servers) -> None:
    first = lines.ask(command("CLIENT", "ID"))
    with Redis.from_url(servers.redis_url) as redis:
        redis.client_kill_filter(_id=str(first))
    assert lines.ask(command("CLIENT", "ID")) > first


def test_an_answer_in_many_pieces_is_put_together(lines: Lines) -> None:
    long = "x" * 1_000_000
    assert lines.ask(command("ECHO", long)) == long.encode()


def test_an_answer_that_does_not_come_in_time_is_not_taken_for_the_next(servers: Servers) -> None:
    lines = Lines(Redis.from_url(servers.redis_url, socket_timeout=0.05))
    with pytest.raises(Silent):
        lines.ask(command("BLPOP", "absent", "0.2"))
    assert lines.ask(command("ECHO", "mine")) == b"mine"
    lines.close()


def test_a_server_that_says_nothing_is_given_up_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        lines = Lines(Redis.from_url(url, socket_timeout=0.05))
        with pytest.raises(Silent):
            lines.ask(command("PING"))
        lines.close()
