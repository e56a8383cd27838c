"""Several statements in one round trip do what they would do one after the other."""

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from app.actions.parts import Parts
from app.errors import Unavailable
from app.store import Database
from app.store.together import (
    BEGIN,
    COMMIT,
    Ask,
    Statement,
    number_array,
    row_array,
    run_on,
    text_array,
)

ONE = Statement("one", "SELECT 1")
SAID = Statement("said", "SELECT $1::text")
TEXTS = Statement("texts", "SELECT $1::text[]")
NUMBERS = Statement("numbers", "SELECT $1::float8[]")
ROWS = Statement("rows", "SELECT row::float8[] FROM unnest($1::text[]) AS given (row)")
IDS = Statement("ids", "SELECT $1::uuid[]")
TIMES = Statement("times", "SELECT $1::timestamptz[]")
WRONG = Statement("wrong", "SELECT 1 / $1::integer")
TEMPORARY = Statement("temporary", "CREATE TEMPORARY TABLE kept (n integer)")
READ = Statement("read", "SELECT * FROM kept")
SLEEP = Statement("sleep", "SELECT pg_sleep(60)")
KEPT = text("SELECT to_regclass('kept') IS NOT NULL")


@pytest.fixture
def connection(parts: Parts) -> Iterator[Connection]:
    with parts.database.plain() as taken:
        yield taken


def test_rows_come_in_the_order_of_the_statements(connection: Connection) -> None:
    asked: list[Ask] = [(SAID, [b"a"]), (ONE, []), (SAID, [b"b"]), (SAID, [None])]
    assert run_on(connection.connection, asked) == [[("a",)], [(1,)], [("b",)], [(None,)]]


def test_a_statement_is_prepared_once_for_a_connection(connection: Connection) -> None:
    for _ in range(2):
        run_on(connection.connection, [(SAID, [b"a"]), (SAID, [b"b"])])
    found = text("SELECT count(*) FROM pg_prepared_statements WHERE name = 'said'")
    assert connection.scalar(found) == 1


def test_the_first_that_fails_is_told_and_none_after_it_is_done(parts: Parts) -> None:
    with parts.database.lent() as lent:
        with pytest.raises(psycopg.errors.DivisionByZero):
            run_on(lent, [(BEGIN, ()), (WRONG, [b"0"]), (TEMPORARY, ()), (COMMIT, ())])
        lent.rollback()
        raw = lent.driver_connection
        assert raw is not None
        assert raw.execute("SELECT to_regclass('kept')").fetchone() == (None,)


def test_a_statement_that_could_not_be_prepared_is_prepared_the_next_time(
    connection: Connection,
) -> None:
    early = Statement("early", "SELECT count(*) FROM later")
    with pytest.raises(psycopg.errors.UndefinedTable), connection.begin_nested():
        run_on(connection.connection, [(early, ())])
    connection.execute(text("CREATE TEMPORARY TABLE later (n integer)"))
    assert run_on(connection.connection, [(early, ())]) == [[(0,)]]


def test_what_is_more_than_the_sockets_hold_both_ways_goes_through(connection: Connection) -> None:
    much = b"x" * 3_000_000
    rows = run_on(connection.connection, [(SAID, [much])] * 8)
    assert [len(row[0][0]) for row in rows] == [len(much)] * 8


def test_a_transaction_that_is_committed_together_is_over(parts: Parts) -> None:
    with parts.database.lent() as lent:
        run_on(lent, [(BEGIN, ()), (ONE, ()), (COMMIT, ())])
        raw = lent.driver_connection
        assert raw is not None
        assert raw.info.transaction_status == psycopg.pq.TransactionStatus.IDLE


def test_what_was_not_committed_is_undone(parts: Parts) -> None:
    own = Database(parts.settings.required("database_url"), connections=1)
    with own.lent() as lent:
        run_on(lent, [(BEGIN, ()), (TEMPORARY, ())])
    with own.plain() as connection:
        assert connection.scalar(KEPT) is False
    own.close()


def test_a_connection_on_which_sending_broke_off_is_not_used_again(parts: Parts) -> None:
    own = Database(parts.settings.required("database_url"), connections=1)
    with own.lent() as lent, pytest.raises(TypeError):
        run_on(lent, [(SAID, [b"a"]), (SAID, ["not bytes"])])  # type: ignore[list-item]
    with own.plain() as connection:
        assert run_on(connection.connection, [(SAID, [b"b"])]) == [[("b",)]]
    own.close()


def test_a_connection_that_was_cut_is_unavailable(
    parts: Parts, superuser: psycopg.Connection
) -> None:
    with pytest.raises(Unavailable), parts.database.lent() as lent:  # noqa: PT012
        raw = lent.driver_connection
        assert raw is not None
        superuser.execute("SELECT pg_terminate_backend(%s, 10000)", [raw.info.backend_pid])
        run_on(lent, [(ONE, ())])


def test_a_server_that_does_not_answer_in_time_is_unavailable(parts: Parts) -> None:
    own = Database(parts.settings.required("database_url"), connections=1)
    with pytest.raises(Unavailable), own.lent() as lent:
        run_on(lent, [(SLEEP, ())], within_s=0.2)
    with own.lent() as lent:
        assert run_on(lent, [(ONE, ())]) == [[(1,)]]
    own.close()


@pytest.mark.parametrize("change", ["DEALLOCATE ALL", "ALTER TABLE kept ALTER n TYPE text"])
def test_what_was_prepared_and_does_not_hold_any_more_costs_one_connection(
    parts: Parts, change: str
) -> None:
    own = Database(parts.settings.required("database_url"), connections=1)
    with pytest.raises(Unavailable), own.lent() as lent:  # noqa: PT012
        run_on(lent, [(TEMPORARY, ()), (READ, ())])
        raw = lent.driver_connection
        assert raw is not None
        raw.execute(change)
        run_on(lent, [(READ, ())])
    with own.lent() as lent:
        assert run_on(lent, [(TEMPORARY, ()), (READ, ())]) == [[], []]
    own.close()


PRINTABLE = st.characters(codec="utf-8", exclude_characters="\0")


@given(
    texts=st.lists(
        st.none()
        | st.text(PRINTABLE)
        | st.text('\\"\n\x01nu,{}')
        | st.sampled_from(["NULL", "null", "", '"', "\\", "{,}"])
    )
)
def test_texts_arrive_as_they_are(parts: Parts, texts: list[str | None]) -> None:
    with parts.database.lent() as lent:
        assert run_on(lent, [(TEXTS, [text_array(texts)])]) == [[(texts,)]]


@given(numbers=st.lists(st.floats()))
def test_numbers_keep_every_digit(parts: Parts, numbers: list[float]) -> None:
    with parts.database.lent() as lent:
        (((found,),),) = run_on(lent, [(NUMBERS, [number_array(numbers)])])
    assert list(map(repr, found)) == list(map(repr, numbers))


@given(rows=st.lists(st.lists(st.floats())))
def test_rows_of_numbers_need_not_be_of_one_length(parts: Parts, rows: list[list[float]]) -> None:
    with parts.database.lent() as lent:
        ((*found,),) = run_on(lent, [(ROWS, [row_array(rows)])])
    assert [repr(row) for (row,) in found] == list(map(repr, rows))


@given(
    ids=st.lists(st.none() | st.uuids()),
    moments=st.lists(st.datetimes(datetime(1678, 1, 1), datetime(2262, 1, 1))),
)
def test_ids_and_times_arrive_as_they_are(
    parts: Parts, ids: list[UUID | None], moments: list[datetime]
) -> None:
    times = [moment.replace(tzinfo=UTC) for moment in moments]
    with parts.database.lent() as lent:
        asked = [(IDS, [text_array(ids)]), (TIMES, [text_array(times)])]
        assert run_on(lent, asked) == [[(ids,)], [(times,)]]
