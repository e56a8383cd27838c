"""What an export says of a tenant and its series, checked by the rules for what clients send."""

from typing import Annotated, Any

from pydantic import AwareDatetime, Field

from app.api.bodies import Label, NewSeries, TenantLimits
from app.web.fields import Body, Slug

MOST = 1_000_000  # far more than a series comes to
Moment = Annotated[AwareDatetime, Field(strict=False)]


class ExportedTenant(Body):
    format: int
    tocsin: str
    exported_at: str
    created_at: str
    slug: Slug
    name: Label
    limits: TenantLimits

    def columns(self) -> dict[str, Any]:
        limits = self.limits.model_dump(exclude_none=True)
        return {"slug": self.slug, "name": self.name, "limits": limits}


class ExportedWatch(Body):
    """What the event layer remembers."""

    peak: float = Field(ge=0, le=MOST)
    since: int = Field(ge=0, le=MOST)
    burden: float = Field(ge=0, le=MOST)
    is_open: bool
    quiet: int = Field(ge=0, le=MOST)


class ExportedSeries(NewSeries):
    created_at: Moment
    points: int = Field(ge=0)
    has_model: bool
    last_version: int = Field(ge=0, lt=1 << 31)
    watch: ExportedWatch | None

    def columns(self) -> dict[str, Any]:
        """Those of the table, and `has_model`."""
        columns = self.model_dump(exclude={"points", "detector"})
        return {**columns, "detector": self.detector.given()}
