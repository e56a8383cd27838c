"""What a user can set or meet is documented, with its default."""

import re
from pathlib import Path

import pytest

from app.errors import Misconfigured
from app.settings import ClientSettings, Settings
from app.web.problems import STATUS

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")
ERROR = re.compile(r"^\| `(\w+)` \| (\d{3}) \|", re.MULTILINE)
ROW = re.compile(r"^\| `(TOCSIN_\w+)` \| (.*?) \| (.*) \|$", re.MULTILINE)


def rows() -> dict[str, tuple[str, str]]:
    """By the name of a setting: its default and its meaning, as docs/settings.md has them."""
    found = ROW.findall((ROOT / "docs/settings.md").read_text())
    return {name: (default.strip("` "), meaning) for name, default, meaning in found}


def test_the_page_of_settings_lists_each_and_no_other() -> None:
    assert rows().keys() == {f"TOCSIN_{name.upper()}" for name in Settings.model_fields}


@pytest.mark.parametrize("name", Settings.model_fields)
def test_the_page_of_settings_has_the_default_and_the_meaning_of_each(name: str) -> None:
    field = Settings.model_fields[name]
    default, meaning = rows()[f"TOCSIN_{name.upper()}"]
    assert default == ("" if field.default is None else str(field.default))
    assert meaning == field.description


def test_the_page_of_the_api_lists_each_error_code_with_its_status() -> None:
    # With wrong settings nothing starts, so nothing answers.
    found = ERROR.findall((ROOT / "docs/api.md").read_text())
    assert {(code, int(status)) for code, status in found} == {
        (kind.code, status) for kind, status in STATUS.items() if kind is not Misconfigured
    }


def test_the_readme_leads_to_each_page() -> None:
    text = (ROOT / "README.md").read_text()
    for page in (ROOT / "docs").glob("*.md"):
        assert f"](docs/{page.name})" in text


def test_links_between_pages_lead_somewhere() -> None:
    for page in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")):
        for target, anchor in LINK.findall(page.read_text()):
            found = (page.parent / target).resolve() if target else page
            assert found.exists(), f"{page.name}: {target}"
            assert not anchor or anchor in anchors(found.read_text()), f"{page.name}: #{anchor}"


def anchors(text: str) -> set[str]:
    """Of the headings, as they are shown."""
    headings = re.findall(r"(?m)^#+ (.+)$", text)
    return {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}


def test_nothing_that_is_documented_is_a_setting_that_does_not_exist() -> None:
    known = {f"TOCSIN_{name.upper()}" for name in Settings.model_fields}
    known |= {f"TOCSIN_{name.upper()}" for name in ClientSettings.model_fields}
    known |= {"TOCSIN_TEST_DATABASE_URL", "TOCSIN_TEST_REDIS_URL"}
    known |= {"TOCSIN_TLS", "TOCSIN_HTTP", "TOCSIN_HTTPS"}  # of nginx in docker-compose.yml
    for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), ROOT / "docker-compose.yml"]:
        named = set(re.findall(r"\bTOCSIN_[A-Z_]+\b", path.read_text()))
        assert named <= known, f"{path.name}: {named - known}"
