"""Tocsin: anomaly detection for time series, for many tenants, from one command."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("tocsin")
except PackageNotFoundError:  # imported from a checkout that is not installed
    __version__ = "0"
