"""Parameters of routes of Prometheus's HTTP API: of query and form alike, some of them more than
once; those that are not known are left alone."""

from typing import Any, get_origin
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict

from app.errors import FieldError, Invalid
from app.web import formats
from app.web.framework import Request

FORM = "application/x-www-form-urlencoded"
FORM_BYTES = 1_000_000
MOST_PARAMETERS = 10_000


class Parameters(BaseModel):
    """Of a query or a form; what is not known is for another version of Prometheus."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False, frozen=True)


def checked(model: type[BaseModel], request: Request, takes_form: bool) -> BaseModel:
    """Raises `Invalid` that names the first that is wrong."""
    text = request.query_string
    if takes_form and formats.has_body(request):
        form = formats.at_most(formats.upload(request, (FORM,), FORM_BYTES), FORM_BYTES)
        text = f"{form.decode(errors='replace')}&{text}"
    return formats.checked(model, _given(model, text))


def _given(model: type[BaseModel], text: str) -> dict[str, Any]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_PARAMETERS)
    except ValueError:
        raise Invalid(f"A request may have {MOST_PARAMETERS} parameters") from None
    given: dict[str, Any] = {}
    for name, value in pairs:
        if "\0" in value:
            raise Invalid("U+0000", [FieldError(name, "must not contain U+0000")])
        given.setdefault(name, []).append(value)
    lists = {
        field.alias or name
        for name, field in model.model_fields.items()
        if get_origin(field.annotation) is list
    }
    # Of what may be there once the first counts, as in Prometheus.
    return {name: values if name in lists else values[0] for name, values in given.items()}
