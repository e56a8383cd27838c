"""JSON read strictly: what other readers would take in different ways is refused."""

import json
import math
import re
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from app.errors import Malformed
from app.ingest.wording import excerpt

DEEPEST = 32
MOST_MEMBERS = 1_000  # of one object; nothing that is asked for has more than some dozens
_BLOCK_BYTES = 1 << 20
_QUOTE = ord('"')
_ESCAPE_TO_CHECK = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")


def parse_json(body: bytes) -> object:
    """The value that a JSON text stands for: dict, list, str, int, float, bool or None.

    Raises `Malformed`, with line and column where they are known, for: not JSON or not UTF-8; a
    key twice in one object; NaN, Infinity, and numbers that a double would hold as infinity;
    nesting deeper than 32; objects of more than 1000 members; integers of more than 4300 digits;
    strings with half a surrogate pair or with U+0000, which cannot be stored. No float in the
    result is infinite or NaN.
    """
    try:
        return load(body)
    except json.JSONDecodeError as error:
        detail = f"line {error.lineno}, column {error.colno}: {error.msg}"
        raise Malformed(detail, line=error.lineno, column=error.colno) from None


def load(body: bytes) -> object:
    """As `parse_json`, but what is no JSON at all raises `json.JSONDecodeError`."""
    if is_too_deep(body):
        raise Malformed(f"arrays and objects are nested deeper than {DEEPEST}")
    try:
        value = _DECODER.decode(body.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise Malformed(f"byte {error.start + 1} is not UTF-8") from None
    except json.JSONDecodeError:
        raise
    except ValueError:
        raise Malformed("an integer has more than 4300 digits") from None
    if _ESCAPE_TO_CHECK.search(body):
        _check_strings(value)
    return value


def is_too_deep(body: bytes) -> bool:
    """Whether arrays and objects of a JSON text are nested deeper than `DEEPEST`."""
    if body.count(b"[") + body.count(b"{") <= DEEPEST:
        return False
    characters = np.frombuffer(body.replace(b"\\\\", b"").replace(b'\\"', b""), dtype=np.uint8)
    depth, quoted = 0, 0
    for start in range(0, len(characters), _BLOCK_BYTES):
        steps, quotes = _steps(characters[start : start + _BLOCK_BYTES], quoted)
        depths = depth + np.cumsum(steps, dtype=np.int64)
        if (depths > DEEPEST).any():
            return True
        depth, quoted = int(depths[-1]) if len(depths) else depth, quoted + quotes
    return False


def _steps(characters: NDArray[np.uint8], quotes_before: int) -> tuple[NDArray[np.int8], int]:
    """1 for each bracket that opens and -1 for each that closes, outside of strings; the quotes."""
    quotes = np.flatnonzero(characters == _QUOTE)
    # "[" and "{" become "{" under this bit, "]" and "}" become "}".
    folded = characters | 0x20
    brackets = np.flatnonzero((folded == ord("{")) | (folded == ord("}")))
    brackets = brackets[(np.searchsorted(quotes, brackets) + quotes_before) % 2 == 0]
    return np.where(folded[brackets] == ord("{"), 1, -1).astype(np.int8), len(quotes)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > MOST_MEMBERS:
        raise Malformed(f"an object has {len(pairs)} members; {MOST_MEMBERS} are taken")
    members = dict(pairs)
    if len(members) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise Malformed(f"an object has the key {excerpt(twice)} twice")
    return members


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise Malformed(f"the number {excerpt(text)} is too large; doubles end at 1.8e308")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise Malformed(f"{name} is not JSON; write null where a value is missing")


def _check_strings(value: object) -> None:
    """Raises `Malformed` when a string, or a key, of the value cannot be stored as text."""
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            pending.extend(item.keys())
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)
        elif isinstance(item, str) and ("\0" in item or not _is_unicode(item)):
            raise Malformed(f"the string {excerpt(item)} holds U+0000 or half a surrogate pair")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_float, parse_constant=_refuse_constant
)
