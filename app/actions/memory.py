"""Parsed models that a process keeps, the most recently used ones."""

from collections import OrderedDict
from threading import Lock
from uuid import UUID

from app.detection import Model

Identity = tuple[UUID, UUID, int]  # tenant, series, version: what is under it never changes


class ModelMemory:
    def __init__(self, entries: int) -> None:
        self._entries = entries
        self._models: OrderedDict[Identity, Model] = OrderedDict()
        self._lock = Lock()

    def get(self, identity: Identity) -> Model | None:
        with self._lock:
            model = self._models.get(identity)
            if model is not None:
                self._models.move_to_end(identity)
            return model

    def put(self, identity: Identity, model: Model) -> None:
        with self._lock:
            self._models[identity] = model
            self._models.move_to_end(identity)
            while len(self._models) > self._entries:
                self._models.popitem(last=False)
