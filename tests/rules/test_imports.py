"""The rooms of the house, as the import contracts in pyproject.toml name them."""

import tomllib
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest
from importlinter import configuration
from importlinter.application.use_cases import lint_imports

ROOT = Path(__file__).parents[2]


def contracts() -> list[dict[str, object]]:
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    found: list[dict[str, object]] = linter["contracts"]
    return found


def test_every_import_contract_holds(capsys: pytest.CaptureFixture[str]) -> None:
    configuration.configure()
    holds = lint_imports(config_filename=str(ROOT / "pyproject.toml"), cache_dir=None)
    assert holds, capsys.readouterr().out


def test_every_room_has_its_layer() -> None:
    (layers,) = [contract["layers"] for contract in contracts() if contract["type"] == "layers"]
    assert isinstance(layers, list)
    placed = {room for layer in layers for room in layer.replace(" ", "").split("|")}
    rooms = {f"app.{module.name}" for module in iter_modules(import_module("app").__path__)}
    assert rooms <= placed, f"without a layer: {rooms - placed}"


def test_the_environment_is_read_in_few_places() -> None:
    """Settings are read in `app.settings`; the others pass the environment on to children."""
    reading = {
        str(path.relative_to(ROOT))
        for path in [*(ROOT / "app").rglob("*.py"), *(ROOT / "workers").rglob("*.py")]
        if "os.environ" in path.read_text() or "getenv" in path.read_text()
    }
    assert reading <= {
        "app/cli/checks.py",
        "app/cli/children.py",
        "app/client/configuration.py",
        "app/embedded/folders.py",
        "app/metrics/folder.py",
        "app/processes/child.py",
        "app/settings.py",
    }
