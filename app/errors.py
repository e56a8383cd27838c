"""Everything that may go wrong as expected: each error has a stable code that clients may rely on.

TocsinError
├── Malformed            the request cannot be read at all
├── Invalid              it can be read, but fields of it are wrong; names each of them
├── Unauthenticated      no key, or a bad one
├── Forbidden            the key may not do this
├── QuotaExceeded        the tenant has as much as its limits allow
├── RateLimited          too many requests a second
├── NotFound             absent, or another tenant's: nobody can tell which
├── Conflict             it contradicts what is stored
├── ModelNotReady        too little history to judge a point
├── NotScored            the point is stored, but has no score yet
├── Idempotency…         the key of a repeat: of another request, still at work, or of a secret
├── Refused              method, media type, length or size that the route does not take
└── Unavailable          a part that is needed does not answer; trying again later may help

The status number of each stands in one table, `app.web.problems`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self


@dataclass(frozen=True)
class FieldError:
    """What is wrong with one field of a request, and what would be right."""

    field: str
    message: str


@dataclass(frozen=True)
class RowError:
    """What is wrong with one row of an upload; `row` is the line of the file, the header is 1."""

    row: int
    column: str | None
    message: str


class TocsinError(Exception):
    code: ClassVar[str] = "internal"
    title: ClassVar[str] = "Something went wrong"

    def __init__(self, detail: str, **extra: Any) -> None:
        """`extra` is shown to the client beside the detail."""
        super().__init__(detail)
        self.detail = detail
        self.extra = extra


class Malformed(TocsinError):
    code = "malformed"
    title = "The request cannot be read"


class Invalid(TocsinError):
    code = "invalid"
    title = "Some fields are not valid"

    def __init__(
        self, detail: str, errors: Sequence[FieldError | RowError] = (), **extra: Any
    ) -> None:
        super().__init__(detail, **extra)
        self.errors = tuple(errors)


class Unauthenticated(TocsinError):
    code = "unauthenticated"
    title = "A valid API key is needed"


class Forbidden(TocsinError):
    code = "forbidden"
    title = "This key may not do that"


class TenantSuspended(Forbidden):
    code = "tenant_suspended"
    title = "The tenant is suspended"


class QuotaExceeded(TocsinError):
    """Shows `quota`, `limit` and `use`."""

    code = "quota_exceeded"
    title = "A limit of the tenant is reached"


class RateLimited(TocsinError):
    code = "rate_limited"
    title = "Too many requests"

    def __init__(self, detail: str, retry_after_s: int, **extra: Any) -> None:
        super().__init__(detail, **extra)
        self.retry_after_s = retry_after_s


class NotFound(TocsinError):
    code = "not_found"
    title = "There is no such thing here"

    @classmethod
    def series(cls, name: str) -> Self:
        return cls(f"There is no series {name or 'without a name'}")


class Conflict(TocsinError):
    code = "conflict"
    title = "It contradicts what is stored"


class ModelNotReady(TocsinError):
    code = "model_not_ready"
    title = "Too few points to judge by"


class NotScored(TocsinError):
    code = "not_scored"
    title = "The point has no score yet"


class IdempotencyKeyReused(TocsinError):
    code = "idempotency_key_reused"
    title = "The idempotency key stands for another request"


class IdempotencyKeyInUse(TocsinError):
    code = "idempotency_key_in_use"
    title = "The first request with this idempotency key is under way"
    retry_after_s = 1


class IdempotencySecretShown(TocsinError):
    code = "idempotency_secret_shown"
    title = "It was done, and the secret was shown then"


class Refused(TocsinError):
    """Base of refusals by the protocol's rules; never raised itself."""


class MethodNotAllowed(Refused):
    code = "method_not_allowed"
    title = "The path does not take this method"


class NotAcceptable(Refused):
    code = "not_acceptable"
    title = "The answer cannot be given in that form"


class LengthRequired(Refused):
    code = "length_required"
    title = "The body needs a Content-Length"


class TooLarge(Refused):
    """Shows `limit_bytes`."""

    code = "too_large"
    title = "The body is too large"


class UnsupportedMediaType(Refused):
    code = "unsupported_media_type"
    title = "The route does not take this type of body"


class Unavailable(TocsinError):
    code = "unavailable"
    title = "A part of the service does not answer"

    def __init__(self, detail: str, retry_after_s: int = 1, **extra: Any) -> None:
        super().__init__(detail, **extra)
        self.retry_after_s = retry_after_s


class Misconfigured(TocsinError):
    """The program cannot start with these settings; names every one that is wrong."""

    code = "misconfigured"
    title = "Some settings are not valid"
