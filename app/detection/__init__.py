"""Anomaly detection on time series: pure mathematics, causal, and the same answer every time."""

from app.detection.detector import State, advance, lookback_points, start
from app.detection.fallback import FALLBACK_LOOKBACK, MINIMUM_POINTS
from app.detection.model import Model
from app.detection.points import FIELDS_MAX, Points
from app.detection.replay import replay
from app.detection.settings import Settings
from app.detection.training import FOREST_POINTS, TRAINING_POINTS, fit
from app.detection.verdict import Verdicts

__all__ = [
    "FALLBACK_LOOKBACK",
    "FIELDS_MAX",
    "FOREST_POINTS",
    "MINIMUM_POINTS",
    "TRAINING_POINTS",
    "Model",
    "Points",
    "Settings",
    "State",
    "Verdicts",
    "advance",
    "fit",
    "lookback_points",
    "replay",
    "start",
]
