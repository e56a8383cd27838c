"""The detector's settings, as the contract names them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from app.errors import FieldError, Invalid
from app.zones import checked_name

UNITS_NS = {
    "w": 604_800_000_000_000,
    "d": 86_400_000_000_000,
    "h": 3_600_000_000_000,
    "m": 60_000_000_000,
    "s": 1_000_000_000,
}
DURATION_MAX_NS = 1 << 60  # 36 years: five seasons back still fit the clock
TREES_MAX = 1000
SAMPLES_MAX = 65_535
SEASONS_MAX = 4


@dataclass(frozen=True)
class Settings:
    """What a user may set; the defaults ask for nothing.

    season: lengths in nanoseconds, shortest first, () for none. interval: nanoseconds.
    timezone: IANA name of the zone whose clock days and weeks follow.
    """

    n_estimators: int = 100
    max_samples: int = 256
    contamination: float | Literal["auto"] = "auto"
    season: tuple[int, ...] | Literal["auto"] = "auto"
    interval: int | Literal["auto"] = "auto"
    timezone: str = "UTC"
    random_state: int = 0

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Settings:
        """Settings from their JSON form, such as {"season": ["1d", "7d"], "interval": "30m"}.

        Raises `Invalid` naming each field that is wrong or unknown.
        """
        read: dict[str, Any] = {}
        errors: list[FieldError] = []
        for name, given in document.items():
            try:
                read[name] = _reader(name)(given)
            except ValueError as error:
                errors.append(FieldError(name, str(error)))
        if errors:
            raise Invalid("Some detector settings are not valid", errors)
        return cls(**read)

    def to_json(self) -> dict[str, Any]:
        """The JSON form; `from_json` of it gives the same settings."""
        season = self.season if self.season == "auto" else [_duration_text(s) for s in self.season]
        interval = self.interval if self.interval == "auto" else _duration_text(self.interval)
        return {
            "n_estimators": self.n_estimators,
            "max_samples": self.max_samples,
            "contamination": self.contamination,
            "season": season,
            "interval": interval,
            "timezone": self.timezone,
            "random_state": self.random_state,
        }


def duration_ns(text: object) -> int:
    """Nanoseconds of a duration such as "30m", "1d" or "0.5h"; raises ValueError."""
    match = re.fullmatch(
        r"([0-9]{1,12})(?:\.([0-9]{1,9}))?([smhdw])", text if isinstance(text, str) else ""
    )
    if match is None:
        raise ValueError('must be a duration such as "90s", "30m", "1h", "1d" or "1w"')
    whole, fraction, unit = match[1], match[2] or "", UNITS_NS[match[3]]
    length: int = int(whole) * unit + int(fraction or 0) * unit // int(10 ** len(fraction))
    if not 0 < length <= DURATION_MAX_NS:
        raise ValueError("must be more than 0 and at most 36 years")
    return length


def _duration_text(length_ns: int) -> str:
    for unit, size in UNITS_NS.items():
        if length_ns % size == 0:
            return f"{length_ns // size}{unit}"
    return f"{length_ns // UNITS_NS['s']}.{length_ns % UNITS_NS['s']:09d}s".replace("000s", "s")


def _whole(least: int, most: int) -> Callable[[object], int]:
    def read(given: object) -> int:
        if isinstance(given, bool) or not isinstance(given, int) or not least <= given <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return given

    return read


def _contamination(given: object) -> float | str:
    if given == "auto":
        return "auto"
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given <= 0.5:
        raise ValueError('must be "auto" or a share above 0 and up to 0.5')
    return float(given)


def _season(given: object) -> tuple[int, ...] | str:
    if given == "auto":
        return "auto"
    if not isinstance(given, list | tuple) or len(given) > SEASONS_MAX:
        raise ValueError(f'must be "auto" or a list of up to {SEASONS_MAX} durations')
    return tuple(sorted({duration_ns(length) for length in given}))


def _interval(given: object) -> int | str:
    return "auto" if given == "auto" else duration_ns(given)


def _unknown(_given: object) -> object:
    raise ValueError("is not a detector setting")


def _reader(name: str) -> Callable[[object], object]:
    return READERS.get(name, _unknown)


READERS: dict[str, Callable[[object], object]] = {
    "n_estimators": _whole(1, TREES_MAX),
    "max_samples": _whole(2, SAMPLES_MAX),
    "contamination": _contamination,
    "season": _season,
    "interval": _interval,
    "timezone": checked_name,
    "random_state": _whole(0, 2**32 - 1),
}
