"""`/v1/detect`: detection without a trace."""

from typing import Any

import numpy as np

from app.actions import trial
from app.actions.parts import Parts
from app.api import answers, tables
from app.api.bodies import DetectRequest
from app.detection import Points, Settings
from app.web.routes import route


@route(
    "POST",
    "/v1/detect",
    scope="read",
    body=(DetectRequest,),
    answer=answers.DetectAnswer,
    errors=(503,),
)
def post_detect(parts: Parts, body: DetectRequest) -> dict[str, Any]:
    """Fit on the points given and judge them all, each by those before it; nothing is stored."""
    table = tables.table(body.points)
    settings = Settings.from_json(body.detector.given() if body.detector else {})
    order = np.argsort(table.times, kind="stable")
    points = Points.checked(table.times[order], table.values[order])
    verdicts = trial.detect(parts, points, settings)
    return {"data": answers.verdicts(table.columns, points, verdicts)}
