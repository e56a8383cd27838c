"""Detection without a trace: fits on the points given, judges all of them, stores nothing."""

from collections.abc import Sequence
from uuid import UUID

from app.actions.parts import Parts
from app.detection import Alarms, Points, Settings, Verdicts, Watch, replay, watch
from app.errors import Unavailable

WAIT_S = 15.0  # for others to be through, in a place to wait


def detect(
    parts: Parts, tenant_id: UUID, points: Points, settings: Settings, names: Sequence[str]
) -> tuple[Verdicts, Alarms]:
    """Takes seconds, so few may do it at a time: some others wait, the rest come back."""
    with parts.waiting.held(tenant_id) as may_wait:
        is_turn = parts.slow_places.acquire(timeout=WAIT_S if may_wait else 0)
    if not is_turn:
        raise Unavailable("As many detections as are allowed at a time are running", 5)
    try:
        verdicts = replay(points, settings, names=names)
    finally:
        parts.slow_places.release()
    alarms, _ = watch(Watch(), verdicts.strength, verdicts.is_anomaly)
    return verdicts, alarms
