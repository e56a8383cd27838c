"""Bytes to checked values on the way in, values to bytes on the way out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from app.errors import (
    FieldError,
    Invalid,
    LengthRequired,
    Malformed,
    NotFound,
    TooLarge,
    UnsupportedMediaType,
)
from app.ingest.inflate import ByteStream, capped, inflate
from app.web import large
from app.web.framework import Request, Response
from app.web.problems import status_line

JSON, CSV, NDJSON = "application/json", "text/csv", "application/x-ndjson"
UNKNOWN = "extra_forbidden"
UNION_TAGS = {"float", "int", "str", "none", "list", "dict"}
SHOWN_ERRORS = 100
READ_BYTES = 65_536

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class Answer:
    """What a handler returns where a status, a header or another form than JSON is to be told."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = JSON
    stream: Iterator[bytes] | None = None
    cookie: str | None = None  # the whole `Set-Cookie`
    shown_key: str | None = None  # id of the key, or webhook, whose secret is shown this once


@dataclass(frozen=True)
class Upload:
    """A body that is not read yet: its type, and its bytes as a stream that ends at the limit."""

    media_type: str
    stream: ByteStream


def render(content: Any, response: Response) -> bytes | None:
    """Hug's output format."""
    if not isinstance(content, Answer):
        return written(content)
    response.status = status_line(content.status)
    response.content_type = content.media_type
    for name, value in content.headers.items():
        response.set_header(name, value)
    if content.cookie is not None:
        response.append_header("Set-Cookie", content.cookie)
    if content.stream is not None:
        response.stream = content.stream
        return None
    if content.status == 204:
        return None
    return content.body if isinstance(content.body, bytes) else written(content.body)


def written(content: Any) -> bytes:
    """As JSON; aware times in UTC, as the contract has them."""
    return orjson.dumps(content, option=orjson.OPT_UTC_Z)


render.content_type = JSON  # type: ignore[attr-defined]


def media_type(request: Request) -> str:
    """The type of the body without its parameters; a charset other than UTF-8 is refused."""
    given, *parameters = (request.content_type or "").lower().split(";")
    for parameter in parameters:
        name, _, charset = (part.strip(' "') for part in parameter.partition("="))
        if name == "charset" and charset not in ("", "utf-8", "utf8"):
            raise UnsupportedMediaType(f"The charset must be UTF-8, not {charset}")
    return given.strip()


def upload(request: Request, accepted: tuple[str, ...], limit_bytes: int) -> Upload:
    """The body as a stream, once its type, length and encoding are ones that the route takes."""
    length = request.content_length
    if length is None:
        raise LengthRequired("A body is needed, with its Content-Length")
    given = media_type(request)
    if given not in accepted:
        raise UnsupportedMediaType(
            f"Content-Type must be {' or '.join(accepted)}, not {given or 'missing'}"
        )
    if length > limit_bytes:
        raise TooLarge(
            f"The body has {length} bytes; {limit_bytes} are taken", limit_bytes=limit_bytes
        )
    large.take_place(request)
    return Upload(given, _decoded(request, limit_bytes))


def _decoded(request: Request, limit_bytes: int) -> ByteStream:
    encoding = (request.env.get("HTTP_CONTENT_ENCODING") or "identity").strip().lower()
    if encoding == "gzip":
        return inflate(request.bounded_stream, limit_bytes)
    if encoding == "identity":
        return capped(request.bounded_stream, limit_bytes)
    raise UnsupportedMediaType(f"Content-Encoding must be gzip or absent, not {encoding}")


def at_most(given: Upload, limit_bytes: int) -> bytes:
    """All of a body that has to be in memory at once."""
    parts, size = [], 0
    while part := given.stream.read(READ_BYTES):
        size += len(part)
        if size > limit_bytes:
            raise TooLarge(
                f"A JSON body may have {limit_bytes} bytes; send more as CSV or NDJSON",
                limit_bytes=limit_bytes,
            )
        parts.append(part)
    return b"".join(parts)


def has_body(request: Request) -> bool:
    return bool(request.content_length) or "HTTP_TRANSFER_ENCODING" in request.env


def json_text(request: Request, limit_bytes: int) -> bytes:
    return at_most(upload(request, (JSON,), limit_bytes), limit_bytes)


def checked(model: type[M], given: Any) -> M:
    """The model of what was given; an error names every field that is wrong."""
    try:
        return model.model_validate(given)
    except ValidationError as error:
        wrong = {_path(e): e for e in reversed(error.errors(include_url=False))}
        raise Invalid(
            "Some fields are not valid",
            [FieldError(path, _message(e)) for path, e in reversed(wrong.items())][:SHOWN_ERRORS],
        ) from None


def first_wrong(error: Invalid) -> tuple[str, str]:
    """-> field and message of the first thing that `checked` found wrong."""
    first = error.errors[0]
    return (first.field if isinstance(first, FieldError) else ""), first.message


def refuse_nul(request: Request) -> None:
    """Postgres cannot store U+0000, so nothing has a name with it, and no search finds it."""
    if "\0" in "".join(request.context.path.values()):
        raise NotFound("There is no name with U+0000")
    wrong = [name for name, given in request.params.items() if "\0" in f"{name}{given}"]
    if wrong:
        raise Invalid(
            "Some fields are not valid", [FieldError(wrong[0], "must not contain U+0000")]
        )


def checked_query(model: type[M], request: Request) -> M:
    if not request.params:
        by_default: M = _by_default(model)
        return by_default
    repeated = [name for name, given in request.params.items() if isinstance(given, list)]
    if repeated:
        raise Invalid("Some fields are not valid", [FieldError(repeated[0], "is there twice")])
    return checked(model, request.params)


@cache
def _by_default(model: type[M]) -> M:
    """Of a request without a query; the same for all, since no query changes."""
    return checked(model, {})


def checked_body(models: tuple[type[BaseModel], ...], given: Any) -> BaseModel:
    """One point, or a list of them: of two models the second is meant where there are `points`."""
    if not isinstance(given, dict):
        raise Malformed("The body must be a JSON object")
    model = models[-1] if len(models) == 1 or "points" in given else models[0]
    return checked(model, given)


def _path(error: Any) -> str:
    """`points[3].value`: what pydantic adds for the branches of a union is left out."""
    location = error["loc"]
    unknown = location[-1] if error["type"] == UNKNOWN else None
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part == unknown or (part not in UNION_TAGS and "[" not in part.removesuffix("[]")):
            path += f".{part}" if path else part
    return path


def _message(error: Any) -> str:
    if error["type"] == UNKNOWN:
        return "there is no such field"
    if error["type"] == "missing":
        return "is needed"
    message: str = error["msg"]
    return message.removeprefix("Value error, ")
