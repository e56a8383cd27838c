from typing import Any

import numpy as np
import pytest

from app.detection import FIELDS_MAX, Points
from app.errors import Invalid


def fields_of(error: pytest.ExceptionInfo[Invalid]) -> list[str]:
    return [getattr(one, "field", "") for one in error.value.errors]


def test_points_are_a_read_only_copy() -> None:
    values = np.array([1.0, 2.0])
    points = Points.checked([1, 2], values)
    values[0] = 9
    assert points.values.tolist() == [[1.0], [2.0]]
    with pytest.raises(ValueError, match="read-only"):
        points.values[0] = 3
    assert points.values.flags.c_contiguous
    assert points.times.dtype == np.int64


def test_missing_values_are_taken() -> None:
    assert np.isnan(Points.checked([1], [np.nan]).values[0, 0])


def test_infinite_values_are_refused_by_name() -> None:
    with pytest.raises(Invalid) as error:
        Points.checked([1, 2, 3, 4], [1, 2, 3, np.inf])
    assert fields_of(error) == ["points[3].value"]


def test_infinite_values_of_many_fields_are_refused_by_place() -> None:
    with pytest.raises(Invalid) as error:
        Points.checked([1, 2], [[1.0, 2.0], [3.0, -np.inf]])
    assert fields_of(error) == ["points[1].value[1]"]


@pytest.mark.parametrize("times", [[1, 1], [2, 1]])
def test_times_must_increase(times: list[int]) -> None:
    with pytest.raises(Invalid) as error:
        Points.checked(times, [1.0, 2.0])
    assert fields_of(error) == ["points[1].timestamp"]


@pytest.mark.parametrize(
    ("times", "values"),
    [
        ([1, 2], [1.0]),
        ([1.5], [1.0]),
        ([1], [[[1.0]]]),
        ([1], np.empty((1, 0))),
        ([1], np.zeros((1, FIELDS_MAX + 1))),
        ([1], ["a"]),
        (np.array([2**63], dtype=np.uint64), [1.0]),
    ],
)
def test_what_are_no_points_is_refused(times: Any, values: Any) -> None:
    with pytest.raises(Invalid):
        Points.checked(times, values)


def test_points_are_cut_and_joined() -> None:
    points = Points.checked([1, 2, 3], [[1, 4], [2, 5], [3, 6]])
    again = points[:1].append(points[1:])
    assert len(points[1:]) == 2
    assert again.times.tolist() == [1, 2, 3]
    assert again.values.tolist() == points.values.tolist()
    assert len(Points.empty(2).append(points)) == 3


def test_earlier_points_cannot_be_joined() -> None:
    points = Points.checked([1, 2], [1.0, 2.0])
    with pytest.raises(Invalid):
        points.append(points[1:])


def test_points_with_other_fields_cannot_be_joined() -> None:
    with pytest.raises(Invalid):
        Points.empty(2).append(Points.checked([1], [1.0]))
