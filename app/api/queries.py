"""What stands behind the `?`: each model checks a query, and describes it in OpenAPI."""

from typing import Annotated, Literal

from pydantic import Field

from app.api.pages import Page
from app.store.audit import Action
from app.web.fields import Query, SeriesName, Slug, Timestamp


class Confirmation(Query):
    confirm: str = Field(description="The slug of the tenant, once more")


class SeriesQuery(Page):
    prefix: str | None = Field(None, max_length=200)
    tag: str | None = Field(None, max_length=100)


class TenantsQuery(Page):
    prefix: str | None = Field(None, max_length=63, description="What the slug begins with")


class UploadQuery(Query):
    timestamp_column: str | None = Field(None, max_length=200)
    value_column: str | None = Field(None, max_length=200)
    on_error: Literal["refuse", "skip"] = Field(
        "refuse", description="What a bad row does: refuse all of the upload, or only itself"
    )
    on_conflict: Literal["refuse", "replace"] = Field(
        "refuse", description="What a known time with another value does"
    )


class PreviewQuery(Query):
    timestamp_column: str | None = Field(None, max_length=200)
    value_column: str | None = Field(None, max_length=200)


class UploadManyQuery(UploadQuery):
    create: bool = Field(False, description="Make the series that are missing")


class ConflictQuery(Query):
    on_conflict: Literal["refuse", "replace"] = "refuse"


class SpanQuery(Query):
    """`from` is included, `to` is not."""

    start: Timestamp | None = Field(None, alias="from")
    end: Timestamp | None = Field(None, alias="to")


class PointsQuery(SpanQuery, Page):
    pass


class ChartQuery(SpanQuery):
    field: str | None = Field(None, max_length=200, description="By default the first")
    buckets: int = Field(500, ge=10, le=2000, description="Into how many parts it is cut at most")


class ScoresQuery(SpanQuery, Page):
    anomalies_only: bool = False
    min_score: Annotated[float, Field(ge=0, le=1)] | None = None
    order: Literal["asc", "desc"] = "asc"


class AnomaliesQuery(SpanQuery, Page):
    series: SeriesName | None = None
    min_score: Annotated[float, Field(ge=0, le=1)] | None = None


class AllAnomaliesQuery(AnomaliesQuery):
    tenant: Slug | None = None


class AuditQuery(SpanQuery, Page):
    tenant: Slug | None = None
    action: Action | None = None


class EventsQuery(SpanQuery, Page):
    start: Timestamp | None = Field(None, alias="from", description="Begun from this time on")
    end: Timestamp | None = Field(None, alias="to", description="Begun before this time")
    series: SeriesName | None = None
    is_open: bool | None = Field(
        None, alias="open", description="Only those that go on, or only those that are over"
    )


class JobsQuery(Page):
    status: Literal["queued", "running", "succeeded", "failed"] | None = None


class WaitQuery(Query):
    wait: Annotated[float, Field(ge=0, le=60)] = Field(
        0, description="Seconds to wait for the training to end"
    )
