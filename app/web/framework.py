"""The one place that imports Hug, since NumPy 2 lacks a name that it asks for on import."""

from typing import Any

import numpy

if not hasattr(numpy, "unicode_"):
    numpy.unicode_ = numpy.str_  # type: ignore[attr-defined]

import falcon
import hug

Request = Any  # falcon.Request; neither library has types
Response = Any

__all__ = ["Request", "Response", "falcon", "hug"]
