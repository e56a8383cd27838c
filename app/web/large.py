"""Large bodies are read and worked on by a few requests of a process at a time.

Each takes some ten times its size in memory, so all threads at once would take too much of it.
"""

from threading import BoundedSemaphore

from app.errors import Unavailable
from app.web.framework import Request

LARGE_BYTES = 1_000_000
AT_ONCE = 4
PATIENCE_S = 10.0

PLACES = BoundedSemaphore(AT_ONCE)


def take_place(request: Request) -> None:
    """For a body of this size, or of one that is not known, to the end of the request."""
    is_packed = "HTTP_CONTENT_ENCODING" in request.env
    is_small = not is_packed and (request.content_length or 0) <= LARGE_BYTES
    if is_small or request.context.has_place:
        return
    if not PLACES.acquire(timeout=PATIENCE_S):
        raise Unavailable("Other large bodies are being read: send it again")
    request.context.has_place = True


def leave_place(request: Request) -> None:
    if request.context.has_place:
        request.context.has_place = False
        PLACES.release()
