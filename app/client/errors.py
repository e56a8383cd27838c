"""How a call fails.

ClientError
├── NotConfigured        no address, or a key that cannot be one
├── Damaged              a file that was to be uploaded cannot be read to its end
├── NotReachable         nothing answered, in all tries
├── NotUnderstood        something answered that is not Tocsin
├── JobFailed            the job that was waited for has failed
├── JobUnfinished        it goes on after the time that was given
└── ServiceError         the service refused; `code` says why, and most codes have a class
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from app.client.answers import Job, Upload


class ClientError(Exception):
    """Base of all that a client raises itself.

    Where an upload in several parts ends in one, `stored` is what the parts before brought; to send
    all of it again, mended, stores nothing twice.
    """

    stored: "Upload | None" = None

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class NotConfigured(ClientError):
    """No address, or a key that cannot be one."""


class Damaged(ClientError):
    """A file that was to be uploaded cannot be read to its end."""


class NotReachable(ClientError):
    """Nothing answered; whether a request was done is not known, but it is safe to repeat."""


class NotUnderstood(ClientError):
    """What answers is not Tocsin, or of another version."""


class JobFailed(ClientError):
    """The job that was waited for has failed."""

    def __init__(self, job: "Job") -> None:
        super().__init__(f"The job {job.id} ({job.kind} of {job.subject}) failed: {job.error}")
        self.job = job


class JobUnfinished(ClientError):
    """The job goes on, after as long as it was to be waited for."""

    def __init__(self, job: "Job", waited_s: float) -> None:
        super().__init__(f"The job {job.id} is {job.status} after {waited_s:g} s")
        self.job = job


@dataclass(frozen=True)
class FieldError:
    """What is wrong with one field of a request, and what would be right."""

    field: str
    message: str


@dataclass(frozen=True)
class RowError:
    """What is wrong with one row of an upload.

    Of a file, `row` is its line; of rows and of frames it is the number of the row, from 1.
    """

    row: int
    column: str | None
    message: str


class ServiceError(ClientError):
    """The service refused; `problem` is all that it said (RFC 9457)."""

    code: str = ""
    statuses: ClassVar[tuple[int, ...]] = ()  # that mean this also where a proxy answers

    def __init__(
        self, status: int, problem: Mapping[str, Any], retry_after_s: float | None = None
    ) -> None:
        super().__init__(str(problem.get("detail") or problem.get("title") or f"status {status}"))
        self.status = status
        self.problem = dict(problem)
        self.code = str(problem.get("code", ""))
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        lines = [self.detail, *map(_line, self.errors)]
        named = f" (request {self.request_id})" if self.request_id else ""
        return "\n  ".join(lines) + named

    @property
    def request_id(self) -> str | None:
        """By which the service's log knows the request."""
        return self.problem.get("request_id")

    @property
    def errors(self) -> Sequence[FieldError | RowError]:
        """What is wrong with which field, or with which row of an upload."""
        return [_error(one) for one in self.problem.get("errors") or ()]


class Malformed(ServiceError):
    code = "malformed"


class Invalid(ServiceError):
    """Fields are wrong; `errors` names them."""

    code = "invalid"


class Unauthenticated(ServiceError):
    code = "unauthenticated"


class Forbidden(ServiceError):
    code = "forbidden"


class TenantSuspended(Forbidden):
    code = "tenant_suspended"


class QuotaExceeded(ServiceError):
    """`problem` has `quota`, `limit` and `use`."""

    code = "quota_exceeded"


class NotFound(ServiceError):
    code = "not_found"


class Conflict(ServiceError):
    code = "conflict"


class ModelNotReady(ServiceError):
    """`problem` says how many points there are (`have`), and how many it takes (`need`)."""

    code = "model_not_ready"


class NotScored(ServiceError):
    code = "not_scored"


class IdempotencyKeyReused(ServiceError):
    code = "idempotency_key_reused"


class IdempotencyKeyInUse(ServiceError):
    code = "idempotency_key_in_use"


class IdempotencySecretShown(ServiceError):
    """It was made, and the answer with its secret was lost: rotate the key of `key_id`, or the
    webhook of `webhook_id`."""

    code = "idempotency_secret_shown"

    @property
    def key_id(self) -> str:
        return str(self.problem["key_id"])

    @property
    def webhook_id(self) -> str:
        return str(self.problem["webhook_id"])


class TooLarge(ServiceError):
    code = "too_large"
    statuses = (413,)


class RateLimited(ServiceError):
    code = "rate_limited"
    statuses = (429,)


class Unavailable(ServiceError):
    code = "unavailable"
    statuses = (502, 503, 504)


class Internal(ServiceError):
    code = "internal"


def _known(base: type[ServiceError]) -> list[type[ServiceError]]:
    return [found for one in base.__subclasses__() for found in (one, *_known(one))]


BY_CODE = {one.code: one for one in _known(ServiceError)}
BY_STATUS = {status: one for one in BY_CODE.values() for status in one.statuses}


def refused(
    status: int, problem: Mapping[str, Any], retry_after_s: float | None = None
) -> ServiceError:
    """The error of a problem document; by its status where it is of a proxy, without a code."""
    code = problem.get("code")
    kind = BY_STATUS.get(status) if code is None else BY_CODE.get(str(code))
    return (kind or ServiceError)(status, problem, retry_after_s)


def _error(given: Mapping[str, Any]) -> FieldError | RowError:
    message = str(given.get("message"))
    if "row" in given:
        return RowError(int(given["row"]), given.get("column"), message)
    return FieldError(str(given.get("field")), message)


def _line(error: FieldError | RowError) -> str:
    if isinstance(error, FieldError):
        return f"{error.field}: {error.message}"
    column = f", {error.column}" if error.column else ""
    return f"row {error.row}{column}: {error.message}"
