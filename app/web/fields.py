"""Types of fields that requests share, with the rules of the contract."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from app.actions import fields
from app.ingest.timestamps import parse_timestamp

SERIES_NAME = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,199}$"
SLUG = r"^[a-z0-9][a-z0-9-]{0,62}$"
MOST_FIELDS = 64


def _time(given: Any) -> int:
    if isinstance(given, bool) or not isinstance(given, str | int):
        raise ValueError("must be a time: RFC 3339 text, or an integer since 1970")
    return parse_timestamp(given)


# Nanoseconds since 1970, UTC.
Timestamp = Annotated[
    int,
    BeforeValidator(_time),
    WithJsonSchema(
        {
            "anyOf": [{"type": "string"}, {"type": "integer"}],
            "description": "RFC 3339; without an offset it is UTC. Integers: seconds under 1e11, "
            "milliseconds under 1e14, microseconds under 1e17, else nanoseconds",
            "examples": ["2014-11-02T01:00:00Z"],
        }
    ),
]
SeriesName = Annotated[str, Field(pattern=SERIES_NAME, examples=["rides"])]
Slug = Annotated[str, Field(pattern=SLUG, examples=["acme"])]
FieldName = Annotated[str, Field(pattern=fields.NAME)]
Limit = Annotated[int, Field(ge=1, le=1000, description="Rows of a page")]
Cursor = Annotated[str, Field(max_length=1000, description="`next` of the page before")]


class Body(BaseModel):
    """A JSON body: nothing is converted, nothing unknown is let through."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Query(BaseModel):
    """Parameters behind the `?`: text, so that numbers are read from it."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Answered(BaseModel):
    """What a route answers with; describes it in the OpenAPI document."""

    model_config = ConfigDict(extra="forbid")
