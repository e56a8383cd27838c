"""Workers that a test may kill: the session's own makes way, and is back afterwards."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from uuid import UUID

import numpy as np
import pytest

from app.actions import accounts, training
from app.actions.parts import Parts
from app.store import models, scores
from app.store.jobs import Job
from app.store.scores import Wanted
from app.store.series import by_name
from tests.service import Service, Tenant, wait_until


@dataclass
class Watched:
    """A series of a tenant and its training, seen in the database."""

    parts: Parts
    tenant: Tenant
    name: str
    tenant_id: UUID

    def request(self) -> UUID:
        answer = self.tenant.http.post(f"/v1/series/{self.name}/train")
        assert answer.status_code == 202, answer.text
        return UUID(answer.json()["id"])

    def job(self, job_id: UUID) -> Job:
        return training.job_by_id(self.parts, self.tenant_id, job_id)

    def wait_until_under_way(self, job_id: UUID) -> Job:
        def under_way() -> Job | None:
            job = self.job(job_id)
            assert not job.is_over, "the history is too short for this test"
            return job if job.progress > 0 else None

        found: Job = wait_until(under_way, "the training is under way")
        return found

    def wait_until_over(self, job_id: UUID) -> Job:
        found: Job = wait_until(
            lambda: job if (job := self.job(job_id)).is_over else None, "the training is over"
        )
        return found

    def versions(self) -> list[int]:
        with self.parts.database.tenant(self.tenant_id) as connection:
            of = by_name(connection, self.tenant_id, self.name)
            found = models.page(connection, self.tenant_id, of.id, None, 10)
        return [model.version for model in found]

    def scored(self) -> int:
        with self.parts.database.tenant(self.tenant_id) as connection:
            of = by_name(connection, self.tenant_id, self.name)
            return len(scores.page(connection, of, Wanted(limit=100_000)))


@pytest.fixture
def watch(parts: Parts, tenant: Tenant) -> Callable[[int], Watched]:
    tenant_id = accounts.tenant_by_slug(parts, tenant.slug).id

    def make(n: int) -> Watched:
        name = f"of-{n}"
        tenant.make_series(name, detector={"n_estimators": 10})
        moments = np.datetime64("2024-01-01", "s") + np.arange(n) * 60
        values = np.random.default_rng(1).normal(size=n)
        rows = [f"{m}Z,{v}\n" for m, v in zip(moments, values, strict=True)]
        assert tenant.upload(name, "timestamp,value\n" + "".join(rows)).status_code == 200
        return Watched(parts, tenant, name, tenant_id)

    return make


@pytest.fixture
def workless(service: Service) -> Iterator[Service]:
    """The service without its worker, to start others in its place."""
    service.stop("worker")
    own = replace(service, environment=dict(service.environment), processes={})
    yield own
    own.stop_all()
    service.start_worker()
