"""The JSON of an answer as objects."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import datetime
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from app.client.errors import NotUnderstood

R = TypeVar("R", bound="Record")
Convert = Callable[[Any], Any]


@dataclass(frozen=True, kw_only=True)
class Record:
    """What the service answered; `raw` is the JSON as it came, in which a newer service may say
    more than is named here."""

    raw: Mapping[str, Any] = field(repr=False, compare=False)


def read(kind: type[R], raw: Any) -> R:
    """The record that this JSON is."""
    try:
        given = {
            name: convert(raw[name]) if convert else raw[name]
            for name, convert, is_needed in _shape(cast(Any, kind))
            if is_needed or name in raw
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NotUnderstood(f"No {kind.__name__} as this client knows it: {error!r}") from None
    return kind(raw=raw, **given)


def read_all(kind: type[R], raws: Iterable[Any]) -> tuple[R, ...]:
    return tuple(read(kind, raw) for raw in raws)


@cache
def _shape(kind: Any) -> list[tuple[str, Convert | None, bool]]:
    """-> (name, conversion, whether each answer has it) of each field."""
    hints = get_type_hints(kind)
    return [
        (one.name, _conversion(hints[one.name]), one.default is MISSING)
        for one in fields(kind)
        if one.name != "raw"
    ]


def _conversion(hint: Any) -> Convert | None:
    """None where JSON has it as it is."""
    if hint is datetime:
        return datetime.fromisoformat
    if isinstance(hint, type) and issubclass(hint, Record):
        return lambda raw: read(hint, raw)
    if get_origin(hint) is tuple:
        each = _conversion(get_args(hint)[0]) or (lambda raw: raw)
        return lambda raws: tuple(map(each, raws))
    if get_origin(hint) is UnionType:
        (first, *others) = [one for one in get_args(hint) if one is not NoneType]
        inner = None if others else _conversion(first)
        return (lambda raw: None if raw is None else inner(raw)) if inner else None
    return None
