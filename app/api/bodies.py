"""What requests carry: each model checks a body, and describes it in OpenAPI."""

import re
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    WithJsonSchema,
    WrapValidator,
    field_validator,
)

from app.actions import fields
from app.api import examples
from app.api.detectors import Detector
from app.web.fields import (
    MOST_FIELDS,
    Body,
    FieldName,
    SeriesName,
    Slug,
    Timestamp,
    Whole,
    in_batches,
)

Scope = Literal["read", "write", "admin"]
Label = Annotated[str, Field(min_length=1, max_length=200)]
Tag = Annotated[str, Field(min_length=1, max_length=100)]
Most = Annotated[int, Field(ge=1, le=10**15), Whole]
Number = Annotated[float, Field(allow_inf_nan=False)]
RESERVED = {"timestamp", "series"}
MOST_GRACE_S = 30 * 86_400
RETRAIN = re.compile(r"auto|manual|[1-9][0-9]{0,3}[hdw]")


def _value(given: Any) -> Any:
    """A number, null, or an object of them; a union would name each of its branches."""
    if isinstance(given, dict):
        if not given:
            raise ValueError("must name at least one field")
        if len(given) > MOST_FIELDS:
            raise ValueError(f"must name {MOST_FIELDS} fields at most, not {len(given)}")
        return {name: _number(number, f" of {name}") for name, number in given.items()}
    if isinstance(given, list):
        raise ValueError("must be an object with a number or null for each field, not a list")
    return _number(given, "")


def _number(given: Any, of: str) -> float | None:
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise ValueError(f"the value{of} must be a number or null")
    try:
        number = float(given)
    except OverflowError:
        number = float("inf")
    if number - number != 0:
        raise ValueError(f"the value{of} must be finite: under 1.8e308")
    return number


Value = Annotated[
    float | dict[FieldName, float | None] | None,
    BeforeValidator(_value),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": ["number", "null"]},
                {
                    "type": "object",
                    "propertyNames": {"pattern": fields.NAME},
                    "additionalProperties": {"type": ["number", "null"]},
                    "minProperties": 1,
                    "maxProperties": MOST_FIELDS,
                },
            ],
            "description": "A number, null where missing, or an object with one for each field",
        }
    ),
]


class Point(Body):
    model_config = examples.shown_as(examples.POINT)

    timestamp: Timestamp
    value: Value


class PointOfSeries(Point):
    model_config = examples.shown_as(examples.POINT_OF_SERIES)

    series: SeriesName


def _at_most(most: int) -> tuple[Any, ...]:
    """A list of points: its length is looked at before its points."""

    def refuse_more(given: Any) -> Any:
        if isinstance(given, list) and len(given) > most:
            raise ValueError(f"must have {most} points at most, not {len(given)}")
        return given

    limits = Field(min_length=1, max_length=most)
    return (limits, WrapValidator(in_batches), BeforeValidator(refuse_more))


Judged, Uploaded = _at_most(10_000), _at_most(400_000)


class PointList(Body):
    model_config = examples.shown_as(examples.POINTS)

    points: Annotated[list[Point], *Uploaded]


class LoosePointList(Body):
    """Points that are checked one by one, where bad ones are to be skipped."""

    model_config = examples.shown_as(examples.POINTS)

    points: Annotated[list[Any], *Uploaded]


class ScoreList(Body):
    model_config = examples.shown_as(examples.POINTS)

    points: Annotated[list[Point], *Judged]


class PointsOfManySeries(Body):
    model_config = examples.shown_as(examples.POINTS_OF_SERIES)

    points: Annotated[list[PointOfSeries], *Judged]


class UploadedPointsOfManySeries(Body):
    model_config = examples.shown_as(examples.POINTS_OF_SERIES)

    points: Annotated[list[PointOfSeries], *Uploaded]


class DetectRequest(Body):
    model_config = examples.shown_as(examples.POINTS)

    points: Annotated[list[Point], *Judged]
    detector: Detector | None = None


class TrainRequest(Body):
    model_config = examples.shown_as(examples.TRAINING)

    detector: Detector | None = None


class _SeriesSettings(Body):
    description: str = Field("", max_length=2000)
    tags: list[Tag] = Field(default_factory=list, max_length=50)
    detector: Detector = Field(default_factory=Detector)
    retrain: str = Field(
        "auto",
        description="When to train again by itself: `auto` (the history grew by a quarter), "
        "`manual` (never), or after an interval of the data's own time such as `7d`",
        json_schema_extra={"pattern": f"^({RETRAIN.pattern})$"},
    )
    retention_days: Annotated[int, Field(ge=1, le=36_500), Whole] | None = Field(
        None, description="Older points are erased by themselves; null: never"
    )

    @field_validator("retrain")
    @classmethod
    def _is_retrain(cls, given: str) -> str:
        if not RETRAIN.fullmatch(given):
            raise ValueError("must be auto, manual or an interval such as 12h, 7d or 2w")
        return given


class NewSeries(_SeriesSettings):
    model_config = examples.shown_as(examples.NEW_SERIES)

    name: SeriesName
    fields: list[FieldName] = Field(
        default_factory=lambda: ["value"],
        min_length=1,
        max_length=MOST_FIELDS,
        description="Names of the values of a point",
        json_schema_extra={"uniqueItems": True},
    )

    @field_validator("fields")
    @classmethod
    def _are_distinct(cls, given: list[str]) -> list[str]:
        if len(set(given)) < len(given):
            raise ValueError("must not name a field twice")
        if set(given) & RESERVED:
            raise ValueError("must not be timestamp or series: CSV has columns of these names")
        return given


class SeriesChanges(_SeriesSettings):
    model_config = examples.shown_as(examples.SERIES_CHANGES)


class TenantLimits(Body):
    """Limits of a tenant; what is left out is as the installation sets it."""

    requests_per_s: float | None = Field(None, ge=0.001, le=1e6)
    points_per_day: Most | None = None
    series: Most | None = None
    stored_points: Most | None = None
    upload_bytes: Most | None = None
    concurrent_trainings: Most | None = None
    model_versions: Most | None = None


class NewTenant(Body):
    model_config = examples.shown_as(examples.NEW_TENANT)

    slug: Slug
    name: Label
    limits: TenantLimits = Field(default_factory=TenantLimits)


class TenantChanges(Body):
    model_config = examples.shown_as(examples.TENANT_CHANGES)

    name: Label | None = Field(None, description="null: as it is")
    limits: TenantLimits | None = Field(
        None,
        description="Those that are named change, the others stay; one that is null goes back to "
        "what the installation sets, and so do all of them where `limits` is null",
    )
    status: Literal["active", "suspended"] | None = Field(None, description="null: as it is")

    def given(self) -> dict[str, Any]:
        """Only what was said; null has a meaning for limits alone."""
        said = self.model_dump(exclude_unset=True)
        return {k: v for k, v in said.items() if k == "limits" or v is not None}


class NewKey(Body):
    model_config = examples.shown_as(examples.NEW_KEY)

    name: Label
    scopes: list[Scope] = Field(min_length=1, max_length=3)
    expires_at: Timestamp | None = None


class Rotation(Body):
    model_config = examples.shown_as(examples.ROTATION)

    grace_seconds: Annotated[int, Field(ge=0, le=MOST_GRACE_S), Whole] = Field(
        0, description="How long the secret before works on; 30 days at most"
    )


class FeedbackGiven(Body):
    model_config = examples.shown_as(examples.FEEDBACK_GIVEN)

    label: Literal["anomaly", "normal"] | None = Field(
        description="The owner's verdict; null takes back what was said before, its note too"
    )
    note: str = Field("", max_length=2000)
