"""The part of PromQL that charts ask for: text to a query, labels to yes or no."""

from app.promql.matching import Matching, compiled, names_of
from app.promql.parsing import parsed
from app.promql.query import SUPPORTED, Comparison, Matcher, Query, Selector
from app.promql.times import parse_duration_ms, parse_time_ms

__all__ = [
    "SUPPORTED",
    "Comparison",
    "Matcher",
    "Matching",
    "Query",
    "Selector",
    "compiled",
    "names_of",
    "parse_duration_ms",
    "parse_time_ms",
    "parsed",
]
