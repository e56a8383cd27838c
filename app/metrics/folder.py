"""The files in which the processes of a server keep their numbers, and what dead ones leave.

prometheus_client maps a file for each process and kind of number into memory, so that what was
counted outlives the process. It keeps these files for ever: a process that dies again and again
would fill the memory that they lie in.
"""

import fcntl
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from prometheus_client import Metric
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.values import ValueClass

SUMMED = ("counter", "histogram")
DEAD = "dead"  # where a living process's file has its id


def shared() -> Path | None:
    """The folder, where this process is one of several; as prometheus_client has it."""
    if not getattr(ValueClass, "_multiprocess", False):
        return None
    return Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])


def collected(folder: Path) -> Iterable[Metric]:
    """The numbers of all processes together, those that died too."""
    with _locked(folder):
        _fold_dead(folder)
        found: Iterable[Metric] = MultiProcessCollector.merge(_written(folder))  # type: ignore[no-untyped-call]
        return found


def fold_dead(folder: Path) -> None:
    """Add what dead processes counted to one file for all of them."""
    with _locked(folder):
        _fold_dead(folder)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Nobody reads while files are put together."""
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _written(folder: Path) -> list[str]:
    """But for one that is just being made."""
    return [str(path) for path in folder.glob("*.db") if path.stat().st_size]


def _fold_dead(folder: Path) -> None:
    dead = [path for path in folder.glob("*_*.db") if not _is_living(path)]
    if not dead:
        return
    for kind in SUMMED:
        _add(folder / f"{kind}_{DEAD}.db", [path for path in dead if path.name.startswith(kind)])
    for path in dead:  # killed just here, one would be counted twice
        path.unlink()


def _is_living(path: Path) -> bool:
    owner = path.stem.rpartition("_")[2]
    if owner == DEAD:
        return True
    try:
        os.kill(int(owner), 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # of another account, to which its number went
        return True
    return True


def _add(total: Path, paths: list[Path]) -> None:
    sums = defaultdict[str, float](float)
    for path in [total, *paths]:
        with suppress(FileNotFoundError):
            if path.stat().st_size:
                for key, value, *_ in MmapedDict.read_all_values_from_file(str(path)):  # type: ignore[no-untyped-call]
                    sums[key] += value
    if not sums:
        return
    new = total.with_suffix(".new")
    new.unlink(missing_ok=True)
    written = MmapedDict(str(new))  # type: ignore[no-untyped-call]
    for key, value in sums.items():
        written.write_value(key, value, 0.0)  # type: ignore[no-untyped-call]
    written.close()  # type: ignore[no-untyped-call]
    new.replace(total)
