"""Names of series, as the contract has them."""

import re

from app.ingest.wording import excerpt

_SERIES_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,199}")


def wrong_with_series(name: object) -> str | None:
    """What is wrong with the name of a series, or None when it is right."""
    if isinstance(name, str) and _SERIES_NAME.fullmatch(name):
        return None
    shown = excerpt(name) if isinstance(name, str) else f"a {type(name).__name__}"
    return (
        f"{shown} is not the name of a series; give 1 to 200 letters, digits, '.', '_', ':', '-', "
        "the first a letter or digit"
    )
