"""The queue's function for trainings."""

from app.actions import training
from workers import claiming


def train(tenant_id: str, job_id: str) -> None:
    claiming.run(training.train, tenant_id, job_id)
