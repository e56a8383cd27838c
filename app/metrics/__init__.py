"""Numbers for Prometheus: noted where something happens, added up a moment later, shown together.

Nothing here knows a series, a key or a value.
"""

from app.metrics.exposition import Family, counter, exposition, gauge, histogram
from app.metrics.notes import begin, ended, note, note_request, started, watch

__all__ = [
    "Family",
    "begin",
    "counter",
    "ended",
    "exposition",
    "gauge",
    "histogram",
    "note",
    "note_request",
    "started",
    "watch",
]
