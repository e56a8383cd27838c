"""The article's app: one IsolationForest behind a Hug route, which predicts and stores nothing.

`python -m granian --interface wsgi benchmarks.references.article:application` serves it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import IsolationForest

if not hasattr(np, "unicode_"):  # Hug asks for it on import, NumPy 2 lacks it
    np.unicode_ = np.str_  # type: ignore[attr-defined]

import hug

TRAINING_ROWS = 10_000
COLUMNS = ["value"]


def _trained() -> IsolationForest:
    generator = np.random.default_rng(0)
    values = 100.0 + generator.normal(scale=10.0, size=TRAINING_ROWS)
    forest = IsolationForest(n_estimators=100, contamination=0.05, random_state=0)
    return forest.fit(pd.DataFrame({"value": values}))


model = _trained()


@hug.post("/detect")  # type: ignore[untyped-decorator,unused-ignore]
def detect(value: hug.types.float_number) -> dict[str, Any]:
    """Whether the value is an anomaly."""
    label = model.predict(pd.DataFrame([[value]], columns=COLUMNS))[0]
    return {"anomaly": bool(label == -1)}


application = hug.API(__name__).http.server()
