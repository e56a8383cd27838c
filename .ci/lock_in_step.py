"""Are the locks in step with pyproject.toml? Says what is not, and ends with 1.

Every requirement is pinned in a version that it allows, every pin has hashes, and nothing is taken
from an address of its own.
"""

import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
PLATFORMS = ("linux", "darwin")


@dataclass(frozen=True)
class Pin:
    """A requirement of the lock, which names one version, and whether hashes follow it."""

    requirement: Requirement
    has_hashes: bool

    @property
    def version(self) -> str | None:
        """None where it is not pinned to one."""
        found = list(self.requirement.specifier)
        return found[0].version if [one.operator for one in found] == ["=="] else None


def pins(lock: str) -> list[Pin]:
    entries = re.split(r"\n(?=\S)", lock.replace("\\\n", " "))
    return [_pin(entry) for entry in entries if entry.strip() and not entry.startswith("#")]


def _pin(entry: str) -> Pin:
    requirement, _, hashes = entry.partition("--hash=")
    return Pin(Requirement(requirement.strip()), bool(re.match(r"sha256:[0-9a-f]{64}", hashes)))


def environments() -> Iterator[dict[str, str]]:
    """Those that the project runs in."""
    for python in PYTHONS:
        for platform in PLATFORMS:
            yield {
                **{name: str(value) for name, value in default_environment().items()},
                "python_version": python,
                "python_full_version": f"{python}.0",
                "sys_platform": platform,
                "platform_system": platform.capitalize(),
                "extra": "",
            }


def troubles(wanted: list[Requirement], locked: list[Pin]) -> Iterator[str]:
    """What is not in step, a line each."""
    for pin in locked:
        name = pin.requirement.name
        if pin.requirement.url is not None:
            yield f"{name} is taken from an address: {pin.requirement.url}"
        elif pin.version is None:
            yield f"{name} is not pinned to one version"
        elif not pin.has_hashes:
            yield f"{name} has no hashes"
    for requirement in wanted:
        yield from _missing(requirement, locked)


def _missing(requirement: Requirement, locked: list[Pin]) -> Iterator[str]:
    name = canonicalize_name(requirement.name)
    mine = [pin for pin in locked if canonicalize_name(pin.requirement.name) == name]
    said = set()
    for environment in environments():
        if not _applies(requirement, environment):
            continue
        applying = [pin.version for pin in mine if _applies(pin.requirement, environment)]
        found = [version for version in applying if version is not None]
        if not any(requirement.specifier.contains(version) for version in found):
            said.add(f"{requirement} is not met: the lock has {', '.join(found) or 'none'}")
    yield from sorted(said)


def _applies(requirement: Requirement, environment: dict[str, str]) -> bool:
    return requirement.marker is None or requirement.marker.evaluate(environment)


def main() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    runtime = [Requirement(line) for line in project["dependencies"]]
    dev = [Requirement(line) for line in project["optional-dependencies"]["dev"]]
    found = [
        f"{lock}: {trouble}"
        for lock, wanted in (
            ("requirements.lock", runtime),
            ("requirements-dev.lock", [*runtime, *dev]),
            ("requirements-quality.lock", _listed(ROOT / "benchmarks/quality/metrics.in")),
        )
        for trouble in _of(ROOT / lock, wanted)
    ]
    if found:
        sys.exit("\n".join([*found, "Run `make lock`, and look at what it changes."]))


def _listed(path: Path) -> list[Requirement]:
    lines = path.read_text().splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def _of(lock: Path, wanted: list[Requirement]) -> list[str]:
    text = lock.read_text()
    addresses = re.findall(r"\S*(?:https?|file)://\S+|^-\S+.*$", text, re.MULTILINE)
    return [f"holds {found}" for found in addresses] or list(troubles(wanted, pins(text)))


if __name__ == "__main__":
    main()
