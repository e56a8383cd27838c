"""`Idempotency-Key`: who repeats a request gets the first one's answer, and the thing is made once.

As Stripe does it: what the request came to, once it was begun, is kept and answered again, errors
too. Not kept is what was refused before (the guard's refusals, a body that is not valid), and what
may be another time: 401, 403, 429 and 5xx.
"""

import hashlib
import re
from collections.abc import Callable

import orjson
from pydantic import BaseModel

from app.actions import idempotency
from app.errors import FieldError, Invalid, TocsinError
from app.store.idempotency import Kept
from app.web import problems
from app.web.formats import Answer, written
from app.web.framework import Request

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
MOST_CHARACTERS = 255
KEY = re.compile(rf"[ -~]{{1,{MOST_CHARACTERS}}}")
NOT_KEPT = {401, 403, 429}


def once(request: Request, body: BaseModel | None, act: Callable[[], Answer]) -> Answer:
    """What `act` answers, or what it answered to the first request with this key."""
    key = request.get_header(HEADER)
    if key is None:
        return act()
    _refuse_malformed(key)
    parts, tenant_id = request.context.parts, request.context.caller.tenant_id
    mine = idempotency.claim(parts, tenant_id, key, _fingerprint(request, body))
    if isinstance(mine, Kept):
        headers = {**mine.headers, REPLAYED: "true"}
        return Answer(mine.body, mine.status, headers, mine.media_type)
    try:
        answer = act()
    except Exception as error:
        kept = _kept_error(error, request.context.id)
        if kept is None:
            idempotency.release(parts, mine)
        else:
            idempotency.keep(parts, mine, kept)
        raise
    idempotency.keep(parts, mine, _kept(answer))
    return answer


def _refuse_malformed(key: str) -> None:
    if not KEY.fullmatch(key):
        right = f"must be 1 to {MOST_CHARACTERS} printable ASCII characters"
        raise Invalid("A header is not valid", [FieldError(HEADER, right)])


def _fingerprint(request: Request, body: BaseModel | None) -> bytes:
    """Of what is asked, not of how it is written: blanks and the order of fields do not count."""
    given = [
        model.model_dump_json(exclude_unset=True) if model else None
        for model in (request.context.query, body)
    ]
    return hashlib.sha256(orjson.dumps([request.method, request.path, *given])).digest()


def _kept(answer: Answer) -> Kept:
    if answer.shown_key is not None:
        return Kept(answer.status, answer.media_type, {}, b"", answer.shown_key)
    return Kept(answer.status, answer.media_type, answer.headers, written(answer.body))


def _kept_error(error: Exception, request_id: str) -> Kept | None:
    """None where the same request may come to something else the next time."""
    if not isinstance(error, TocsinError):
        return None
    status = problems.STATUS[type(error)]
    if status in NOT_KEPT or status >= 500:
        return None
    body = orjson.dumps(problems.document(error, request_id))
    return Kept(status, problems.MEDIA_TYPE, {}, body)
