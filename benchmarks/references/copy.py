"""COPY by psycopg: a file of times and values into a table, a time once, committed."""

from __future__ import annotations

import time

import psycopg

BLOCK_BYTES = 1 << 20
MAKE = "CREATE TABLE reference_rows (at timestamptz PRIMARY KEY, value double precision)"
COPY = "COPY reference_rows FROM STDIN (FORMAT csv, HEADER true)"


def copied_s(url: str, csv: bytes) -> float:
    """`url` is that of the database's owner; the table goes afterwards."""
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("DROP TABLE IF EXISTS reference_rows")
        owner.execute(MAKE)
        try:
            begun = time.perf_counter()
            with owner.cursor() as cursor, cursor.copy(COPY) as copy:
                for start in range(0, len(csv), BLOCK_BYTES):
                    copy.write(csv[start : start + BLOCK_BYTES])
            return time.perf_counter() - begun
        finally:
            owner.execute("DROP TABLE reference_rows")
