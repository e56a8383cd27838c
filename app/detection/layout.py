"""Arrays and facts as bytes, and back without trusting them.

8 bytes   "TOCSIN\\r\\n"
4         format version, unsigned, little endian as all that follows
8         length of the rest after the checksum
32        SHA-256 of the rest
4 + ...   length and text of a JSON object: "facts", and "arrays" as [name, type, shape] in order
...       the arrays, one after the other, in C order
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from app.errors import Invalid

MAGIC = b"TOCSIN\r\n"
VERSION = 3
HEAD = struct.Struct("<8sIQ32s")
TYPES = {kind: np.dtype(kind) for kind in ("<f8", "<f4", "<i8", "<i4", "<i2", "<u2", "|u1", "|b1")}
DIMENSIONS_MAX = 2


def pack(facts: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """Bytes that `unpack` turns into equal facts and arrays; the same for the same content."""
    little = {name: a.astype(a.dtype.newbyteorder("<"), copy=False) for name, a in arrays.items()}
    table = [[name, a.dtype.str, list(a.shape)] for name, a in little.items()]
    text = json.dumps({"facts": facts, "arrays": table}, sort_keys=True, separators=(",", ":"))
    head = text.encode()
    rest = b"".join([struct.pack("<I", len(head)), head, *(a.tobytes() for a in little.values())])
    return HEAD.pack(MAGIC, VERSION, len(rest), hashlib.sha256(rest).digest()) + rest


def unpack(packed: bytes) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """Facts and arrays; raises `Invalid` for anything that `pack` did not make.

    No more memory is taken than the bytes themselves have, once more.
    """
    rest = _checked(packed)
    try:
        (length,) = struct.unpack_from("<I", rest)
        document = json.loads(str(rest[4 : 4 + length], "utf-8"))
        facts, table = document["facts"], document["arrays"]
        arrays, end = _arrays(rest, 4 + length, table)
    except (ValueError, KeyError, TypeError, struct.error, RecursionError) as error:
        raise Invalid("The model's bytes are damaged") from error
    if end != len(rest) or not isinstance(facts, dict):
        raise Invalid("The model's bytes are damaged")
    return facts, arrays


def _checked(packed: bytes) -> memoryview:
    if len(packed) < HEAD.size:
        raise Invalid("The model's bytes are cut")
    magic, version, length, checksum = HEAD.unpack_from(packed)
    if magic != MAGIC:
        raise Invalid("These are not the bytes of a model")
    if version != VERSION:
        raise Invalid(f"The model has format {version}, this program reads {VERSION}")
    rest = memoryview(packed)[HEAD.size :]
    if len(rest) != length or hashlib.sha256(rest).digest() != checksum:
        raise Invalid("The model's bytes are damaged")
    return rest


def _arrays(rest: memoryview, start: int, table: Any) -> tuple[dict[str, npt.NDArray[Any]], int]:
    arrays: dict[str, npt.NDArray[Any]] = {}
    for name, kind, shape in table:
        if kind not in TYPES or len(shape) > DIMENSIONS_MAX or not all(map(_is_size, shape)):
            raise ValueError("an array of a kind that models do not have")
        end = start + math.prod(shape) * TYPES[kind].itemsize
        if end > len(rest):
            raise ValueError("less than its arrays take")
        # A copy is aligned and like any other array: compiled loops exist for one kind only.
        arrays[str(name)] = (
            np.ndarray(shape, TYPES[kind], rest, start).copy()
            if end > start
            else np.empty(shape, TYPES[kind])
        )
        start = end
    return arrays, start


def _is_size(given: object) -> bool:
    return isinstance(given, int) and not isinstance(given, bool) and 0 <= given < 1 << 31
