"""The columns of an upload or a request, in the order of a series' fields."""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.detection import FIELDS_MAX
from app.errors import FieldError, Invalid
from app.store.series import Series

NAME = r"^[A-Za-z_][A-Za-z0-9_.-]{0,99}$"


def of_new_series(name: str, columns: Sequence[str], values: NDArray[np.float64]) -> list[str]:
    """The fields of a series that an upload makes: its columns, without those of other series.

    values: (n, c) of this series' rows alone; a column that all of them leave empty is another's.
    """
    is_used = ~np.isnan(values).all(axis=0)
    own = [columns[place] for place in np.flatnonzero(is_used).tolist()] or list(columns)
    wrong = [
        FieldError(column, "a field has 1 to 100 letters, digits, '_', '.', '-', no digit first")
        for column in own
        if not re.fullmatch(NAME, column)
    ]
    if wrong:
        raise Invalid(f"The columns cannot be the fields of a new series {name}", wrong)
    if len(own) > FIELDS_MAX:
        raise Invalid(f"A series has {FIELDS_MAX} fields at most; {name} would have {len(own)}")
    return own


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
