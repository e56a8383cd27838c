"""Out of reach is noticed by one request; the others need not wait for the same."""

import socket
import threading

import psycopg
import pytest
from sqlalchemy import text

from app.errors import Unavailable
from app.store import Database
from app.store.outage import Outage
from tests.conftest import Installed


def ask_nobody(outage: Outage) -> None:
    with socket.socket() as bound, outage.noted(), outage.connecting():
        bound.bind(("127.0.0.1", 0))  # but not listening
        psycopg.connect(host="127.0.0.1", port=bound.getsockname()[1])


@pytest.fixture
def outage() -> Outage:
    """That has just begun."""
    begun = Outage()
    with pytest.raises(psycopg.OperationalError):
        ask_nobody(begun)
    return begun


def test_the_next_one_tries_at_once_since_it_may_have_been_that_connection_alone(
    outage: Outage,
) -> None:
    with outage.connecting():
        pass


def test_where_it_was_tried_in_vain_the_next_are_told_so_without_asking(outage: Outage) -> None:
    with pytest.raises(psycopg.OperationalError):
        ask_nobody(outage)
    with pytest.raises(Unavailable):
        ask_nobody(outage)


def test_while_one_tries_the_others_do_not_and_once_it_succeeds_all_may(outage: Outage) -> None:
    tries, others_know = threading.Event(), threading.Event()

    def try_it() -> None:
        with outage.connecting():
            tries.set()
            others_know.wait(30)

    thread = threading.Thread(target=try_it)
    thread.start()
    assert tries.wait(30)
    with pytest.raises(Unavailable):
        ask_nobody(outage)
    others_know.set()
    thread.join()
    with outage.connecting(), outage.connecting():
        pass


def test_an_error_that_the_server_sent_is_no_outage(installed: Installed) -> None:
    database = Database(installed.server_url, 1)
    with pytest.raises(Unavailable), database.plain() as connection:
        connection.execute(text("DO $$ BEGIN RAISE lock_not_available; END $$"))
    with database.plain() as connection:
        assert connection.scalar(text("SELECT 1")) == 1
    database.close()
