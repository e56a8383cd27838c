"""Tocsin: anomaly detection for time series, for many tenants, from one command."""


def __getattr__(name: str) -> str:
    """`__version__`, when it is asked for: to find it takes a tenth of what `tocsin --help` may."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("tocsin")
    except PackageNotFoundError:  # imported from a checkout that is not installed
        return "0"
