"""Which versions of the servers are known to be safe."""

import pytest

from app.cli import versions


@pytest.mark.parametrize(
    ("version", "safety"),
    [
        ((14, 30), "unsafe"),
        ((15, 13), "unsafe"),
        ((15, 14), "safe"),
        ((17, 5), "unsafe"),
        ((18, 0), "safe"),
        ((19, 0), "safe"),
    ],
)
def test_postgres_is_safe_from_a_minor_release_on(version: tuple[int, int], safety: str) -> None:
    assert versions.postgres(version)[0] == safety


@pytest.mark.parametrize(
    ("name", "version", "safety"),
    [
        ("Redis", "6.2.21", "unsafe"),
        ("Redis", "7.0.15", "unknown"),
        ("Redis", "7.2.10", "unsafe"),
        ("Redis", "7.2.11", "safe"),
        ("Redis", "8.0.4", "safe"),
        ("Redis", "8.2.1", "unsafe"),
        ("Redis", "8.4.0", "safe"),
        ("Valkey", "8.1.3", "unsafe"),
        ("Valkey", "8.1.4", "safe"),
        ("Valkey", "9.0.0", "safe"),
        ("Redis", "unknown", "unknown"),
    ],
)
def test_redis_is_safe_from_the_patch_of_its_line_on(name: str, version: str, safety: str) -> None:
    assert versions.redis(name, version)[0] == safety
