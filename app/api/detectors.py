"""Settings of the detector, as requests carry them."""

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, WithJsonSchema, field_validator

from app.detection import Settings
from app.errors import Invalid
from app.web.fields import Body, Whole

AUTO = {"const": "auto"}
SHARE = {"anyOf": [{"type": "number", "exclusiveMinimum": 0, "maximum": 0.5}, AUTO]}
LENGTH = {"type": "string", "pattern": r"^[0-9]{1,12}(\.[0-9]{1,9})?[smhdw]$"}
DURATION = {"anyOf": [LENGTH, AUTO]}
DURATIONS = {"anyOf": [{"type": "array", "items": LENGTH, "maxItems": 4}, AUTO]}


class Detector(Body):
    """Settings of the detector; what is left out has its default."""

    n_estimators: Annotated[int, Field(ge=1, le=1000), Whole] = Field(
        100, description="Trees of the IsolationForest"
    )
    max_samples: Annotated[int, Field(ge=2, le=65_535), Whole] = Field(
        256, description="Rows drawn for each tree"
    )
    contamination: Annotated[float | Literal["auto"], WithJsonSchema(SHARE)] = Field(
        "auto", description="Share of points expected to be anomalous, up to 0.5"
    )
    season: Annotated[
        Annotated[list[str], Field(max_length=4)] | Literal["auto"], WithJsonSchema(DURATIONS)
    ] = Field("auto", description="Season lengths such as `1d`; found from the data where `auto`")
    interval: Annotated[str, WithJsonSchema(DURATION)] = Field(
        "auto", description="Sampling interval such as `30m`, or `auto`"
    )
    timezone: str = Field(
        "UTC",
        max_length=64,
        description="Zone whose clock days and weeks follow: an IANA name such as `Europe/Berlin`",
    )
    random_state: Annotated[int, Field(ge=0, le=2**32 - 1), Whole] = Field(0, description="Seed")

    @field_validator("*")
    @classmethod
    def _is_understood(cls, given: Any, info: ValidationInfo) -> Any:
        try:
            Settings.from_json({str(info.field_name): given})
        except Invalid as error:
            raise ValueError(error.errors[0].message) from None
        return given

    def given(self) -> dict[str, Any]:
        """Only what was said, so that a later default applies to the rest."""
        return self.model_dump(exclude_unset=True)
