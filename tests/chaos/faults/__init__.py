"""The faults, a family in each module, each row of the table one function."""

from tests.chaos.faults import (
    clients,
    clocks,
    disk,
    draining,
    network,
    postgres,
    processes,
    redis,
    supervisors,
)

ROWS = [
    *processes.ROWS,
    *postgres.ROWS,
    *redis.ROWS,
    *disk.ROWS,
    *network.ROWS,
    *clocks.ROWS,
    *draining.ROWS,
    *clients.ROWS,
    *supervisors.ROWS,
]
