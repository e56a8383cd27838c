"""Calls webhooks, many at the same time: a process of its own, since trainings take minutes.

`python -m workers.delivery`; any number may run. What is due stands in Postgres, which is asked
twice a second: nothing has to be woken, and nothing can be lost on the way.
"""

import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock
from uuid import UUID

import httpx
import structlog

from app import logs, settings
from app.actions import delivering
from app.actions.delivering import Sender
from app.errors import Unavailable
from app.outbound import notices
from app.settings import Settings
from app.store import Database
from app.store.outbox import Claim, Due

PERIOD_S = 0.5
SOON_S = 0.02  # when a call has ended: there may be more for its webhook
TROUBLE_S = 1.0
# Of all calls at the same time, so that nobody waits long for receivers that do not answer.
MOST_OF_WEBHOOK, MOST_OF_TENANT, MOST_OF_FAILING = 1 / 8, 1 / 4, 1 / 2

log = structlog.get_logger()


class Room:
    """How many more calls there may be at the same time: of all, of a tenant, of a webhook.

    Webhooks whose last call failed share a half of it, however many they are.
    """

    def __init__(self, calls: int) -> None:
        self._calls = calls
        self._lock = Lock()
        self._of_webhooks: Counter[UUID] = Counter()
        self._of_tenants: Counter[UUID] = Counter()
        self._failing: set[UUID] = set()

    def left(self, of: Due) -> int:
        with self._lock:
            room = min(
                self._calls - self._of_tenants.total(),
                self._share(MOST_OF_TENANT) - self._of_tenants[of.tenant_id],
                self._share(MOST_OF_WEBHOOK) - self._of_webhooks[of.webhook_id],
            )
            if of.webhook_id in self._failing:
                room = min(room, self._share(MOST_OF_FAILING) - self._failing_calls())
            return max(room, 0)

    def _share(self, share: float) -> int:
        return max(1, int(self._calls * share))

    def _failing_calls(self) -> int:
        return sum(n for one, n in self._of_webhooks.items() if one in self._failing)

    def take(self, claimed: Claim) -> None:
        with self._lock:
            self._of_webhooks[claimed.webhook_id] += 1
            self._of_tenants[claimed.tenant_id] += 1

    def give_back(self, claimed: Claim, is_success: bool) -> None:
        with self._lock:
            for counter, one in (
                (self._of_webhooks, claimed.webhook_id),
                (self._of_tenants, claimed.tenant_id),
            ):
                counter[one] -= 1
                if not counter[one]:
                    del counter[one]
            note = self._failing.discard if is_success else self._failing.add
            note(claimed.webhook_id)


class Dispatcher:
    """Claims what is due, as far as there is room, and has threads call it."""

    def __init__(self, sender: Sender, calls: int) -> None:
        self._sender, self._room = sender, Room(calls)
        self._threads = ThreadPoolExecutor(calls, "call")
        self.has_ended = Event()  # a call has

    def turn(self) -> int:
        """-> how many calls were begun."""
        begun = 0
        for one in delivering.due(self._sender):
            room = self._room.left(one)
            for claimed in delivering.claim(self._sender, one, room) if room else ():
                self._room.take(claimed)
                self._threads.submit(self._call, claimed)
                begun += 1
        return begun

    def _call(self, claimed: Claim) -> None:
        is_success = False
        try:
            is_success = delivering.deliver(self._sender, claimed)
        except Unavailable as error:
            log.warning("delivery left to its lease", error=error.detail)
        except Exception:
            log.exception("delivery failed", webhook_id=str(claimed.webhook_id))
        finally:
            self._room.give_back(claimed, is_success)
            self.has_ended.set()

    def close(self) -> None:
        """Once the calls that are under way have ended."""
        self._threads.shutdown()


def main() -> None:
    configured = settings.read()
    logs.configure(configured)
    notices.refuse_unsendable(configured)
    stop, sender = Event(), assemble(configured)
    dispatcher = Dispatcher(sender, max(configured.webhook_calls, 1))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    while not stop.is_set():
        try:
            dispatcher.turn()
        except Unavailable as error:
            log.warning("deliveries put off", error=error.detail)
            stop.wait(TROUBLE_S)
        dispatcher.has_ended.wait(PERIOD_S)
        dispatcher.has_ended.clear()
        stop.wait(SOON_S)
    dispatcher.close()
    sender.database.close()


def assemble(configured: Settings) -> Sender:
    """Less than `app.actions.parts` makes: neither Redis nor the detector are needed here."""
    return Sender(
        database=Database(configured.required("database_url"), configured.database_connections),
        secret=configured.installation_secret(),
        networks=configured.allowed_networks,
        tls=httpx.create_ssl_context(),
        channels=notices.channels(configured),
    )


if __name__ == "__main__":
    main()
