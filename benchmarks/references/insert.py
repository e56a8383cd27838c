"""One-row INSERTs, each committed, by psycopg over many connections: what storing alone takes.

Two processes with a thread for each connection: one process alone is held up by its interpreter.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np
import psycopg

PROCESSES = 2
MAKE = """
    CREATE TABLE reference_points (
        series bigint, at bigint, value double precision, PRIMARY KEY (series, at))
"""
INSERT = "INSERT INTO reference_points VALUES (%s, %s, %s)"


@dataclass(frozen=True)
class Inserted:
    per_s: float
    p50_ms: float
    p99_ms: float


def inserted(url: str, connections: int, seconds: float) -> Inserted:
    """`url` is that of the database's owner; the table goes afterwards."""
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("DROP TABLE IF EXISTS reference_points")
        owner.execute(MAKE)
        try:
            took = _by_processes(url, connections, seconds)
        finally:
            owner.execute("DROP TABLE reference_points")
    p50, p99 = np.quantile(took, [0.5, 0.99]) * 1e3
    return Inserted(len(took) / seconds, float(p50), float(p99))


def _by_processes(url: str, connections: int, seconds: float) -> list[float]:
    each = connections // PROCESSES
    with get_context("spawn").Pool(PROCESSES) as pool:
        asked = [(url, number * each, each, seconds) for number in range(PROCESSES)]
        return [one for took in pool.starmap(_by_threads, asked) for one in took]


def _by_threads(url: str, first: int, connections: int, seconds: float) -> list[float]:
    with ThreadPoolExecutor(connections) as threads:
        asked = range(first, first + connections)
        each = threads.map(lambda series: _insert(url, series, seconds), asked)
        return [one for took in each for one in took]


def _insert(url: str, series: int, seconds: float) -> list[float]:
    """The seconds of each."""
    took: list[float] = []
    with psycopg.connect(url, autocommit=True) as connection, connection.cursor() as cursor:
        before = time.perf_counter()
        until = before + seconds
        while before < until:
            cursor.execute(INSERT, (series, len(took), 1.5), prepare=True)
            after = time.perf_counter()
            took.append(after - before)
            before = after
    return took
