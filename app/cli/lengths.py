"""Lengths of time as commands take them: `90`, `15m`, `1h`, `7d`."""

from app.cli.failures import WrongUsage

UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
MOST_GRACE_S = 30 * UNITS["d"]


def grace_s(text: str) -> int:
    """How long what is rotated works on."""
    number, unit = (text[:-1], text[-1]) if text[-1:] in UNITS else (text, "s")
    if not (number.isascii() and number.isdecimal()):
        raise WrongUsage(f"--grace {text}: must be seconds, or a length such as 90m, 1h or 7d.")
    seconds = int(number) * UNITS[unit]
    if seconds > MOST_GRACE_S:
        raise WrongUsage(f"--grace {text}: must be 30 days at most.")
    return seconds
