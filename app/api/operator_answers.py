"""What the operator's routes answer with across tenants."""

from typing import Any

from pydantic import Field

from app.api import examples
from app.web.fields import Answered


class AuditAnswer(Answered):
    model_config = examples.shown_as(examples.AUDIT)

    id: str
    at: str
    action: str
    tenant: str | None = Field(description="null for the installation, and where it is erased")
    tenant_id: str | None = Field(description="null for the installation")
    actor_kind: str = Field(
        description="key, operator, cli (who reached the database), service or nobody"
    )
    actor: str | None = Field(description="Public id of the key that was used")
    subject: str | None = Field(description="Id of the key, series or tenant that it was done to")
    subject_name: str | None = Field(description="Its name now, of a series that is there")
    from_address: str | None
    request_id: str | None
    details: dict[str, Any]


class OverviewAnswer(Answered):
    model_config = examples.shown_as(examples.OVERVIEW)

    tenants: int
    series: int
    points: int
    models: int = Field(description="Versions made of all series, those that went too")
    jobs_queued: int
    jobs_running: int
    jobs_failed_24h: int = Field(description="Within the last 24 hours")
    queue_depth: int | None = Field(
        description="Entries that no worker has taken; null where Redis does not answer"
    )
    workers: int | None = Field(
        description="That gave a sign of life within about a minute; null where Redis does not "
        "answer"
    )
