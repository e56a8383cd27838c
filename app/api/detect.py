"""`/v1/detect`: detection without a trace."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.actions import trial
from app.actions.caller import Caller
from app.actions.parts import Parts
from app.api import answers, shown, tables
from app.api.bodies import DetectRequest
from app.detection import Points, Settings
from app.errors import FieldError, Invalid
from app.web.formats import SHOWN_ERRORS
from app.web.routes import route


@route(
    "POST",
    "/v1/detect",
    scope="read",
    body=(DetectRequest,),
    answer=answers.DetectAnswer,
    errors=(503,),
)
def post_detect(parts: Parts, caller: Caller, body: DetectRequest) -> dict[str, Any]:
    """Fit on the points given and judge them all, each by those before it; nothing is stored.

    The answer is in time order.
    """
    table = tables.table(body.points)
    settings = Settings.from_json(body.detector.given() if body.detector else {})
    _refuse_repeated(table.times)
    order = np.argsort(table.times)
    points = Points.checked(table.times[order], table.values[order])
    verdicts, alarms = trial.detect(parts, caller.tenant_id, points, settings, table.columns)
    return {"data": shown.verdicts(table.columns, points, verdicts, alarms)}


def _refuse_repeated(times: NDArray[np.int64]) -> None:
    """Named by their places in the request, which may be in any order."""
    _, first = np.unique(times, return_index=True)
    repeated = np.setdiff1d(np.arange(len(times)), first).tolist()
    if repeated:
        message = "is the time of a point before it"
        raise Invalid(
            "Some times are there twice",
            [FieldError(f"points[{i}].timestamp", message) for i in repeated[:SHOWN_ERRORS]],
        )
