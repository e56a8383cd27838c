"""Names of time zones, from elsewhere."""

import pytest

from app import zones


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires"])
def test_a_name_of_the_database_has_a_clock(name: str) -> None:
    assert zones.clock(zones.checked_name(name)).key == name


@pytest.mark.parametrize(
    "name",
    ["", "Berlin", "europe/berlin", "utc", "Mars/Base", "America", "../zones", "/etc", 3, None],
)
def test_other_names_are_refused(name: object) -> None:
    with pytest.raises(ValueError, match="IANA"):
        zones.checked_name(name)
