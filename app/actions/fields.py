"""The columns of an upload or a request, in the order of a series' fields."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.errors import FieldError, Invalid
from app.store.series import Series


def named(of: Series, columns: Sequence[str]) -> list[str]:
    """A lone column `value` stands for the one field of a series, however that is called."""
    is_lone = list(columns) == ["value"] and len(of.fields) == 1
    return list(of.fields) if is_lone else list(columns)


def unknown(of: Series, name: str) -> str:
    return f"{of.name} has no field {name}; its fields are {', '.join(of.fields)}"


def arranged(
    of: Series, columns: Sequence[str], values: NDArray[np.float64], needs_all: bool = False
) -> NDArray[np.float64]:
    """(n, c) as they came -> (n, d); a field that no column names is missing, or an error."""
    columns = named(of, columns)
    wrong = [FieldError(name, unknown(of, name)) for name in columns if name not in of.fields]
    if needs_all:
        wrong += [
            FieldError(name, "a column of this name is missing")
            for name in of.fields
            if name not in columns
        ]
    if wrong:
        raise Invalid(f"The columns are not the fields of {of.name}; nothing was stored", wrong)
    result = np.full((len(values), len(of.fields)), np.nan)
    for place, name in enumerate(columns):
        result[:, of.fields.index(name)] = values[:, place]
    return result
