"""Points that come one at a time, at the same time, are judged and stored together.

A transaction costs nearly the same for one point as for many, and a server that is asked a lot has
many at hand: whoever finds nobody at work for his tenant leads, and takes along what others left
until then. Nobody waits for more to come, nor for a series that somebody else holds.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from uuid import UUID

import numpy as np

from app.actions.asked import Answer, Asked
from app.errors import Unavailable

MOST_TOGETHER = 64

Judge = Callable[[Mapping[str, Asked]], Answer]
"""Answers points of several series, but for those that somebody else holds."""


@dataclass(eq=False, slots=True)
class _Place:
    """Somebody who waits: for his answer, an error, to lead, or to be sent to do it alone."""

    name: str
    asked: Asked
    answer: Answer | None = None
    error: Unavailable | None = None
    leads: bool = False
    woken: Lock = field(default_factory=Lock)


class Gathering:
    """Of one process: for each tenant at most one that leads, and those that wait for him."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._waiting: dict[UUID, deque[_Place]] = {}

    def answer(self, tenant_id: UUID, name: str, asked: Asked, judge: Judge) -> Answer | None:
        """Of one point of a series; None where it is to be judged by itself."""
        mine = _Place(name, asked)
        if self._waits(tenant_id, mine):
            mine.woken.acquire()
        if mine.leads:
            try:
                _answer([mine, *self._taken_along(tenant_id, mine)], judge)
            finally:
                self._hand_over(tenant_id)
        if mine.error is not None:
            raise mine.error
        return mine.answer

    def _waits(self, tenant_id: UUID, mine: _Place) -> bool:
        with self._lock:
            queue = self._waiting.get(tenant_id)
            mine.leads = queue is None
            if queue is None:
                self._waiting[tenant_id] = deque()
                return False
            mine.woken.acquire()  # whoever answers releases it
            queue.append(mine)
            return True

    def _taken_along(self, tenant_id: UUID, mine: _Place) -> list[_Place]:
        """One for each series; a second one waits for the next turn."""
        names, taken, left = {mine.name}, [], deque[_Place]()
        with self._lock:
            for place in self._waiting[tenant_id]:
                if place.name in names or len(names) >= MOST_TOGETHER:
                    left.append(place)
                else:
                    names.add(place.name)
                    taken.append(place)
            self._waiting[tenant_id] = left
        return taken

    def _hand_over(self, tenant_id: UUID) -> None:
        with self._lock:
            queue = self._waiting[tenant_id]
            if not queue:
                del self._waiting[tenant_id]
                return
            following = queue.popleft()
        following.leads = True
        following.woken.release()


def _answer(places: list[_Place], judge: Judge) -> None:
    """Who has neither answer nor error in the end does it alone, and hears what is wrong."""
    try:
        answer = judge(_together(places))
        for number, place in enumerate(places):
            place.answer = _of_one(answer, number)
    except Unavailable as error:
        for place in places:
            place.error = error
    except Exception:
        if len(places) == 1:
            raise
    finally:
        for place in places[1:]:
            place.woken.release()


def _together(places: list[_Place]) -> dict[str, Asked]:
    return {
        place.name: place.asked._replace(places=np.array([number]))
        for number, place in enumerate(places)
    }


def _of_one(answer: Answer, number: int) -> Answer | None:
    if number in answer.scores:
        return Answer({0: answer.scores[number]}, {})
    return Answer({}, {0: answer.errors[number]}) if number in answer.errors else None
