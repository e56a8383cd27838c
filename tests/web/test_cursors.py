"""A cursor names a place that this installation wrote for this list, and nothing else does."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Invalid
from app.signing import Secret
from app.web import cursors

OLD, NEW = b"o" * 32, b"n" * 32
SECRET = Secret({1: OLD})
PLACE = [1_704_067_200_000_000_000, "01890a5d-ac96-774b-bcce-b302099a8057"]


def test_a_cursor_gives_back_its_place() -> None:
    assert cursors.decode(SECRET, "/v1/a", cursors.encode(SECRET, "/v1/a", PLACE)) == PLACE


def test_no_cursor_is_no_place() -> None:
    assert cursors.decode(SECRET, "/v1/a", None) is None


def test_a_cursor_of_another_list_is_refused() -> None:
    with pytest.raises(Invalid):
        cursors.decode(SECRET, "/v1/b", cursors.encode(SECRET, "/v1/a", PLACE))


def test_a_cursor_of_another_installation_is_refused() -> None:
    with pytest.raises(Invalid):
        cursors.decode(SECRET, "/v1/a", cursors.encode(Secret({1: NEW}), "/v1/a", PLACE))


def test_a_cursor_outlives_the_rotation_of_the_secret() -> None:
    rotated = Secret({1: OLD, 2: NEW})
    assert cursors.decode(rotated, "/v1/a", cursors.encode(SECRET, "/v1/a", PLACE)) == PLACE


def test_any_one_character_changed_added_or_left_out_is_refused() -> None:
    cursor = cursors.encode(SECRET, "/v1/a", PLACE)
    changed = {
        cursor[:i] + other + cursor[i + 1 :] for i in range(len(cursor)) for other in "Aa0-_=!"
    }
    added = {cursor[:i] + "!" + cursor[i:] for i in range(len(cursor) + 1)}
    shorter = {cursor[:i] + cursor[i + 1 :] for i in range(len(cursor))}
    for tampered in (changed | added | shorter | {cursor + "="}) - {cursor}:
        with pytest.raises(Invalid):
            cursors.decode(SECRET, "/v1/a", tampered)


@given(st.text() | st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        cursors.decode(SECRET, "/v1/a", text)
    assert refused.value.errors[0].field == "cursor"  # type: ignore[union-attr]
