"""Answers that the console is made of; whoever builds another one may use them too."""

from typing import Annotated

from pydantic import Field

from app.api import examples
from app.api.answers import ANSWERED_VALUE, SeriesAnswer
from app.web.fields import Answered
from app.web.openapi import RowProblem


class SessionKeyAnswer(Answered):
    id: str
    name: str
    scopes: list[str]


class SessionAnswer(Answered):
    model_config = examples.shown_as(examples.SESSION)

    tenant: str | None = Field(description="Its slug; null for an operator")
    tenant_name: str | None
    is_operator: bool
    key: SessionKeyAnswer
    csrf_token: str | None = Field(
        description="To be sent as `X-CSRF-Token` with what changes something; null: a key asked"
    )
    ends_at: str | None


class WatchedAnswer(SeriesAnswer):
    model_config = examples.shown_as(examples.WATCHED)

    recent: list[float | None] = Field(
        description="The newest values of the first field, up to 60, in time order"
    )
    last_value: ANSWERED_VALUE
    open_event: str | None = Field(description="Id of the event that goes on")


Milliseconds = Annotated[list[float], Field(description="Since 1970, UTC")]
Numbers = list[float | None]


class ChartedAnomalyAnswer(Answered):
    timestamp: str
    value: float | None
    score: float
    alert: bool
    event: str | None
    reason: str
    points: int = Field(description="For how many of its part it stands, as the strongest")


class ChartAnswer(Answered):
    """Columns of equal length: where `part_s` is null each row is one point, else what is least
    and greatest in a part of that length."""

    model_config = examples.shown_as(examples.CHART)

    series: str
    field: str
    start: str = Field(alias="from")
    end: str = Field(alias="to")
    part_s: float | None
    is_sampled: bool = Field(
        description="Not every point of a part was read: very many came lately, and digests of "
        "them are still being made. Every anomaly was read"
    )
    timestamps: Milliseconds
    least: Numbers
    greatest: Numbers
    expected: Numbers
    lower: Numbers
    upper: Numbers
    anomalies: list[ChartedAnomalyAnswer]


class PreviewedRowAnswer(Answered):
    row: int = Field(description="Its line in what was sent")
    timestamp: str
    values: Numbers


class PreviewAnswer(Answered):
    model_config = examples.shown_as(examples.PREVIEW)

    columns: list[str] = Field(description="Names of the fields; a lone one is `value`")
    received: int = Field(description="Rows, bad ones included")
    rows: list[PreviewedRowAnswer] = Field(description="The first 20 good ones")
    errors: list[RowProblem] = Field(description="The first 100")
