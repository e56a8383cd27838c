"""Queue entries that can be trusted: signed, and naming only functions on a list.

Who can write to Redis could otherwise have a worker run any function of any module: RQ imports
whatever an entry names, callbacks included, and its default serializer unpickles.
"""

import json
from typing import Any

from rq.exceptions import NoSuchJobError
from rq.job import Job
from rq.utils import import_attribute

from app.signing import SIGNATURE_BYTES, Secret

FUNCTIONS = {
    "train": "workers.training.train",
    "erase_series": "workers.erasure.erase_series",
    "erase_tenant": "workers.erasure.erase_tenant",
}


class SigningSerializer:
    """JSON with an HMAC before it, in the form that RQ asks of a serializer."""

    def __init__(self, secret: Secret) -> None:
        self._secret = secret
        self.__qualname__ = type(self).__qualname__  # RQ names its serializer by it

    def dumps(self, content: Any) -> bytes:
        payload = json.dumps(content, separators=(",", ":")).encode()
        return self._secret.sign("queue", payload) + payload

    def loads(self, entry: bytes) -> Any:
        signature, payload = entry[:SIGNATURE_BYTES], entry[SIGNATURE_BYTES:]
        if not self._secret.holds("queue", payload, signature):
            raise ValueError("the signature of the queue entry does not hold")
        return json.loads(payload)


class ListedJob(Job):  # type: ignore[misc,unused-ignore]
    """An RQ job that runs listed functions only, and never what Redis names beside them."""

    def restore(self, raw_data: Any) -> None:
        """What cannot be read is no entry: RQ's worker would end over it, each time it starts."""
        try:
            super().restore(raw_data)
        except Exception as error:
            raise NoSuchJobError(f"not a queue entry: {error}") from error

    @property
    def func(self) -> Any:
        name = self.func_name
        if name is None or name not in FUNCTIONS.values() or self.instance is not None:
            raise PermissionError(f"not on the list of functions: {name!r}")
        return import_attribute(name)

    @property
    def success_callback(self) -> None:
        return None

    @property
    def failure_callback(self) -> None:
        return None

    @property
    def stopped_callback(self) -> None:
        return None

    def send_webhooks(self, *_: Any, **__: Any) -> None:
        """RQ would call any address that the entry names."""
