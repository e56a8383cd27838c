"""Anomaly detection on time series: pure mathematics, causal, and the same answer every time."""

from app.detection.anatomy import anatomy
from app.detection.compiled import preload
from app.detection.detector import State, advance, lookback_points, start
from app.detection.events import Alarms, Watch, watch
from app.detection.evidence import PARTS
from app.detection.fallback import FALLBACK_LOOKBACK, MINIMUM_POINTS
from app.detection.model import Model
from app.detection.points import FIELDS_MAX, Points
from app.detection.preparation import prepare
from app.detection.replay import replay
from app.detection.settings import Settings
from app.detection.training import FOREST_POINTS, TRAINING_POINTS, fit
from app.detection.verdict import Verdicts
from app.detection.weight import held_bytes

__all__ = [
    "FALLBACK_LOOKBACK",
    "FIELDS_MAX",
    "FOREST_POINTS",
    "MINIMUM_POINTS",
    "PARTS",
    "TRAINING_POINTS",
    "Alarms",
    "Model",
    "Points",
    "Settings",
    "State",
    "Verdicts",
    "Watch",
    "advance",
    "anatomy",
    "fit",
    "held_bytes",
    "lookback_points",
    "preload",
    "prepare",
    "replay",
    "start",
    "watch",
]
