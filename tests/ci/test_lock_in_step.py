"""The check that holds the locks in step with pyproject.toml."""

import runpy
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

CHECK: dict[str, Any] = runpy.run_path(str(Path(__file__).parents[2] / ".ci/lock_in_step.py"))
HASH = "--hash=sha256:" + "0" * 64


def troubles(wanted: list[str], lock: str) -> list[str]:
    return list(CHECK["troubles"]([Requirement(line) for line in wanted], CHECK["pins"](lock)))


def test_a_lock_with_a_hashed_pin_for_each_requirement_is_in_step() -> None:
    lock = f"numpy==2.4.6 \\\n    {HASH} \\\n    {HASH}\nrq[x]==3.0.0 \\\n    {HASH}\n"
    assert troubles(["numpy>=2.2", "RQ>=3.0"], lock) == []


def test_a_requirement_is_looked_for_where_its_marker_applies() -> None:
    wanted = ["legacy-cgi>=2.6; python_version >= '3.13'"]
    assert troubles(wanted, f"legacy-cgi==2.6.1 ; python_version >= '3.13' {HASH}\n") == []
    assert troubles(wanted, f"legacy-cgi==2.6.1 ; python_version >= '3.14' {HASH}\n")


@pytest.mark.parametrize(
    ("lock", "trouble"),
    [
        (f"numpy==2.1.0 {HASH}\n", "is not met: the lock has 2.1.0"),
        (f"pandas==2.3.0 {HASH}\n", "is not met: the lock has none"),
        ("numpy==2.4.6\n", "has no hashes"),
        (f"numpy>=2.4.6 {HASH}\n", "is not pinned"),
        (f"numpy @ https://example.org/numpy.whl {HASH}\n", "is taken from an address"),
    ],
)
def test_what_is_not_in_step_is_said(lock: str, trouble: str) -> None:
    assert any(trouble in said for said in troubles(["numpy>=2.2"], lock))
