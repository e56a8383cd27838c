"""What a user can set or meet is documented, with its default."""

import re
from pathlib import Path

import pytest

from app.settings import ClientSettings, Settings

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| `(TOCSIN_\w+)` \| (.*?) \| (.*) \|$", re.MULTILINE)


def rows() -> dict[str, tuple[str, str]]:
    """By the name of a setting: its default and its meaning, as README.md has them."""
    found = ROW.findall((ROOT / "README.md").read_text())
    return {name: (default.strip("` "), meaning) for name, default, meaning in found}


def test_the_readme_lists_every_setting_and_no_other() -> None:
    assert rows().keys() == {f"TOCSIN_{name.upper()}" for name in Settings.model_fields}


@pytest.mark.parametrize("name", Settings.model_fields)
def test_the_readme_has_the_default_and_the_meaning_of_each_setting(name: str) -> None:
    field = Settings.model_fields[name]
    default, meaning = rows()[f"TOCSIN_{name.upper()}"]
    assert default == ("" if field.default is None else str(field.default))
    assert meaning == field.description


def test_nothing_that_is_documented_is_a_setting_that_does_not_exist() -> None:
    known = {f"TOCSIN_{name.upper()}" for name in Settings.model_fields}
    known |= {f"TOCSIN_{name.upper()}" for name in ClientSettings.model_fields}
    known |= {"TOCSIN_TEST_DATABASE_URL", "TOCSIN_TEST_REDIS_URL"}
    known |= {"TOCSIN_TLS", "TOCSIN_HTTP", "TOCSIN_HTTPS"}  # of nginx in docker-compose.yml
    for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), ROOT / "docker-compose.yml"]:
        named = set(re.findall(r"\bTOCSIN_[A-Z_]+\b", path.read_text()))
        assert named <= known, f"{path.name}: {named - known}"
