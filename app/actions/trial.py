"""Detection without a trace: fits on the points given, judges all of them, stores nothing."""

from collections.abc import Sequence

from app.actions.parts import Parts
from app.detection import Alarms, Points, Settings, Verdicts, Watch, replay, watch
from app.errors import Unavailable


def detect(
    parts: Parts, points: Points, settings: Settings, names: Sequence[str]
) -> tuple[Verdicts, Alarms]:
    """Takes seconds, so few may do it at a time; the others are told to come back."""
    if not parts.slow_places.acquire(blocking=False):
        raise Unavailable("As many detections as are allowed at a time are running", 5)
    try:
        verdicts = replay(points, settings, names=names)
    finally:
        parts.slow_places.release()
    alarms, _ = watch(Watch(), verdicts.strength, verdicts.is_anomaly)
    return verdicts, alarms
