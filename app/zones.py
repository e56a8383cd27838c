"""Time zones of the `tzdata` package, which the lock file pins: never those of the machine."""

from functools import lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo


def checked_name(name: object) -> str:
    """The name, if the IANA database has it; else raises ValueError."""
    if not isinstance(name, str) or name not in _names():
        raise ValueError('must be a name of the IANA time zone database such as "Europe/Berlin"')
    return name


@lru_cache(maxsize=64)
def clock(name: str) -> ZoneInfo:
    """Of a name that is there."""
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    return frozenset(files("tzdata").joinpath("zones").read_text().split())
