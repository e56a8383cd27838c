"""The detector's machine code, which takes most of a second to load: once in each process."""

import os
from functools import cache
from threading import Lock

from app.detection import preload

_loading = Lock()
# No fork in the middle of it: a lock would stay locked for ever.
os.register_at_fork(
    before=_loading.acquire, after_in_parent=_loading.release, after_in_child=_loading.release
)


def load() -> None:
    """Before others would have to wait for what is held; who comes meanwhile waits."""
    with _loading:
        _load_once()


@cache
def _load_once() -> None:
    preload()
