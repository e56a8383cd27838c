"""Tocsin: anomaly detection for time series, for many tenants, from one command."""


def __getattr__(name: str) -> str:
    """`__version__`, when it is asked for: what finds it would be a tenth of `tocsin --help`."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("tocsin")
    except PackageNotFoundError:  # imported from a checkout that is not installed
        return "0"
