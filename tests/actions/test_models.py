"""A stored model that this version of the program cannot read makes way for a new one."""

from dataclasses import replace

import numpy as np
import pytest
from redis import Redis
from sqlalchemy import text

from app.actions import models, training
from app.actions.memory import SeriesMemory
from app.detection import layout
from app.errors import Conflict
from app.store import jobs
from app.store.jobs import Job
from tests.actions.conftest import Account, waves

POINTS = 300


def damaged(artifact: bytes) -> bytes:
    return artifact[:-1] + bytes([artifact[-1] ^ 1])


def of_another_format(artifact: bytes) -> bytes:
    magic, version, length, checksum = layout.HEAD.unpack_from(artifact)
    head = layout.HEAD.pack(magic, version - 1, length, checksum)
    return head + artifact[layout.HEAD.size :]


CHANGES = {"another format": of_another_format, "damaged": damaged}


@pytest.fixture(params=CHANGES)
def upgraded(account: Account, own_redis: "Redis", request: pytest.FixtureRequest) -> Account:
    """A program of another version than the one that trained: nothing of that is in memory."""
    account.make("rides")  # is trained only when asked
    account.upload("rides", waves(POINTS))
    account.train("rides")
    change(account, request.param)
    own_redis.flushdb()
    return replace(account, parts=replace(account.parts, memory=SeriesMemory(10**8)))


def change(account: Account, how: str) -> None:
    of = account.find("rides")
    mine = {"series": of.id}
    with account.parts.database.tenant(account.id) as connection:
        found = connection.execute(
            text("SELECT artifact FROM models WHERE series_id = :series"), mine
        ).scalar_one()
        connection.execute(
            text("UPDATE models SET artifact = :artifact WHERE series_id = :series"),
            {**mine, "artifact": CHANGES[how](bytes(found))},
        )


def waiting(account: Account) -> list[Job]:
    found = training.jobs_page(account.parts, account.id, "rides", None, 10)
    return [job for job in found if job.status == "queued"]


def run(account: Account, job: Job) -> None:
    with account.parts.database.tenant(account.id) as connection:
        claimed = jobs.claim(connection, account.id, job.id, 60.0, trainings=4)
    assert claimed is not None
    training.train(account.parts, claimed)


def test_the_rule_of_thumb_judges_until_a_new_model_does(upgraded: Account) -> None:
    (first,) = upgraded.verdicts("rides", np.array([1.0]), [POINTS])
    assert first.model_version == 0
    (second,) = upgraded.verdicts("rides", np.array([2.0]), [POINTS + 1])
    assert second.model_version == 0
    (job,) = waiting(upgraded)  # one, however many points came
    run(upgraded, job)
    (third,) = upgraded.verdicts("rides", np.array([3.0]), [POINTS + 2])
    assert third.model_version == 2
    assert waiting(upgraded) == []
    again = upgraded.verdicts("rides", np.array([1.0]), [POINTS])
    assert again == [first]  # a verdict that was given stands


def test_a_training_that_failed_is_not_repeated_for_every_point(upgraded: Account) -> None:
    upgraded.score("rides", np.array([1.0]), [POINTS])
    (job,) = waiting(upgraded)
    with upgraded.parts.database.tenant(upgraded.id) as connection:
        claimed = jobs.claim(connection, upgraded.id, job.id, 60.0, trainings=4)
        assert claimed
        jobs.finish(connection, claimed, error="on purpose")
    upgraded.score("rides", np.array([2.0]), [POINTS + 1])
    assert waiting(upgraded) == []
    more = POINTS // 3
    upgraded.score("rides", waves(more)[:, 0], POINTS + 2 + np.arange(more))
    assert len(waiting(upgraded)) == 1


def test_it_is_not_rolled_back_to(upgraded: Account) -> None:
    upgraded.train("rides")
    with pytest.raises(Conflict, match="cannot read: train a new one"):
        models.activate(upgraded.parts, upgraded.id, "rides", 1)
    assert upgraded.find("rides").model_version == 2
    assert models.activate(upgraded.parts, upgraded.id, "rides", 2)[1].version == 2
