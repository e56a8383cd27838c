"""What the actions work with: made once in a process, passed to each of them."""

import time
from dataclasses import dataclass, field
from threading import BoundedSemaphore

from app.actions.gathering import Gathering
from app.actions.holding import Holding
from app.actions.measuring import Readings
from app.actions.memory import KeyMemory, NewestAnomalies, SeriesIds, SeriesMemory
from app.actions.places import Places
from app.actions.quotas import UseMemory
from app.actions.throttle import Throttle
from app.cache import Cache
from app.cache.rates import Rates
from app.cache.worked import WorkNumbers
from app.jobs import JobQueue
from app.settings import Settings
from app.signing import Secret
from app.store import Database

KEYS_REMEMBERED = 10_000
TENANTS_REMEMBERED = 10_000
NAMES_REMEMBERED = 20_000  # of series, some 10 MB; more than there is memory for models


@dataclass(frozen=True)
class Parts:
    settings: Settings
    secret: Secret
    database: Database
    cache: Cache
    rates: Rates
    queue: JobQueue
    keys: KeyMemory
    memory: SeriesMemory
    series_ids: SeriesIds
    newest_anomalies: NewestAnomalies
    use: UseMemory
    gathering: Gathering
    holding: Holding
    waiting: Places  # of requests that wait for seconds, for what others do
    slow_places: BoundedSemaphore  # held by what computes for seconds
    refusals: Throttle  # of rows that tell of refused keys
    work_numbers: WorkNumbers
    readings: Readings
    made_at_s: float = field(default_factory=time.monotonic)

    def close(self) -> None:
        self.database.close()
        self.cache.close()
        self.rates.close()
        self.queue.close()
        self.work_numbers.close()


def assemble(settings: Settings) -> Parts:
    secret = settings.installation_secret()
    redis_url = settings.required("redis_url")
    return Parts(
        settings=settings,
        secret=secret,
        database=Database(settings.required("database_url"), settings.database_connections),
        cache=Cache(redis_url, secret, settings.cache_ttl_s),
        rates=Rates(redis_url),
        queue=JobQueue(redis_url, secret),
        keys=KeyMemory(KEYS_REMEMBERED),
        memory=SeriesMemory(settings.model_memory_bytes),
        series_ids=SeriesIds(NAMES_REMEMBERED),
        newest_anomalies=NewestAnomalies(TENANTS_REMEMBERED),
        use=UseMemory(),
        gathering=Gathering(),
        holding=Holding(),
        waiting=Places(max(2, settings.api_threads // 4)),
        slow_places=BoundedSemaphore(settings.slow_requests),
        refusals=Throttle(),
        work_numbers=WorkNumbers(redis_url),
        readings=Readings(),
    )
