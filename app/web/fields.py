"""Types of fields that requests share, with the rules of the contract."""

from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from app.actions import fields
from app.ingest.timestamps import parse_timestamp

SERIES_NAME = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,199}$"
SLUG = r"^[a-z0-9][a-z0-9-]{0,62}$"
MOST_FIELDS = 64
BATCH = 100


# What the text of a time looks like; days that are in no calendar are refused besides.
TIME = (
    r"^[ \t]*([+-]?[0-9]{1,19}|(167[7-9]|16[89][0-9]|1[7-9][0-9]{2}|2[01][0-9]{2}|22[0-5][0-9]"
    r"|226[0-2])-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])([Tt ]([01][0-9]|2[0-3]):[0-5][0-9]"
    r"(:[0-5][0-9]([.,][0-9]{1,6}0{0,24})?)? ?([Zz]|[+-]([01][0-9]|2[0-3])(:?[0-5][0-9])?)?)?)"
    r"[ \t]*$"
)


def _time(given: Any) -> int:
    given = _integral(given)
    if isinstance(given, bool) or not isinstance(given, str | int):
        raise ValueError("must be a time: RFC 3339 text, or an integer since 1970")
    return parse_timestamp(given)


def _integral(given: Any) -> Any:
    """JSON has one kind of number: 5.0 is the integer 5."""
    return int(given) if isinstance(given, float) and given.is_integer() else given


# Nanoseconds since 1970, UTC.
Timestamp = Annotated[
    int,
    BeforeValidator(_time),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": TIME},
                {"type": "integer", "minimum": -(2**63) + 1, "maximum": 2**63 - 1},
            ],
            "description": "RFC 3339; without an offset it is UTC. Integers: seconds under 1e11, "
            "milliseconds under 1e14, microseconds under 1e17, else nanoseconds",
            "examples": ["2014-11-02T01:00:00Z"],
        }
    ),
]
Whole = BeforeValidator(_integral)  # of an integer, behind its limits
SeriesName = Annotated[str, Field(pattern=SERIES_NAME, examples=["rides"])]
Slug = Annotated[str, Field(pattern=SLUG, examples=["acme"])]
FieldName = Annotated[str, Field(pattern=fields.NAME)]
Limit = Annotated[int, Field(ge=1, le=1000, description="Rows of a page")]
Cursor = Annotated[str, Field(max_length=1000, description="`next` of the page before")]


def in_batches(given: Any, validate: ValidatorFunctionWrapHandler) -> list[Any]:
    """The items of a long list, checked until a batch has wrong ones: errors take memory too."""
    if not isinstance(given, list) or not given:
        checked: list[Any] = validate(given)
        return checked
    checked = []
    for start in range(0, len(given), BATCH):
        try:
            checked += validate(given[start : start + BATCH])
        except ValidationError as error:
            raise _moved(error, start) from None
    return checked


def _moved(error: ValidationError, by: int) -> ValidationError:
    """The same errors, at the places of the whole list."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    moved: list[InitErrorDetails] = []
    for one in found:
        first, *rest = one["loc"]
        assert isinstance(first, int)
        text = PydanticCustomError(one["type"], one["msg"].replace("{", "{{"))
        moved.append({"type": text, "loc": (first + by, *rest), "input": None})
    return ValidationError.from_exception_data(error.title, moved)


class Body(BaseModel):
    """A JSON body: nothing is converted, nothing unknown is let through."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Query(BaseModel):
    """Parameters behind the `?`: text, so that numbers are read from it."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)


class Answered(BaseModel):
    """What a route answers with; describes it in the OpenAPI document."""

    model_config = ConfigDict(extra="forbid")
