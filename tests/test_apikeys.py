"""What spells a key, and what cannot: told apart without asking anybody."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import apikeys
from app.signing import Secret

SECRET = Secret({1: b"1" * 32})
TENANTS, OPERATORS = apikeys.mint(), apikeys.mint(is_operator=True)


@pytest.mark.parametrize("key", [TENANTS, OPERATORS])
def test_a_key_reads_back_as_itself(key: apikeys.ApiKey) -> None:
    assert apikeys.parse(key.text) == key


def test_keys_look_as_the_contract_says() -> None:
    assert TENANTS.text.startswith(f"tcs_{TENANTS.id}_")
    assert OPERATORS.text.startswith(f"tcs_op_{OPERATORS.id}_")
    assert not TENANTS.is_operator
    assert OPERATORS.is_operator


def test_no_two_keys_are_alike() -> None:
    keys = [apikeys.mint() for _ in range(1_000)]
    assert len({key.id for key in keys}) == len({key.text for key in keys}) == 1_000


@pytest.mark.parametrize("key", [TENANTS, OPERATORS])
def test_every_single_typing_error_is_refused(key: apikeys.ApiKey) -> None:
    for place, right in enumerate(key.text):
        for wrong in string.ascii_letters + string.digits + "_- ":
            if wrong != right:
                assert apikeys.parse(key.text[:place] + wrong + key.text[place + 1 :]) is None


@pytest.mark.parametrize("key", [TENANTS, OPERATORS])
def test_swapped_lost_and_doubled_characters_are_refused(key: apikeys.ApiKey) -> None:
    text = key.text
    for i in range(len(text)):
        assert apikeys.parse(text[:i] + text[i + 1 :]) is None
        assert apikeys.parse(text[:i] + text[i] + text[i:]) is None
        if text[i : i + 1] != text[i + 1 : i + 2]:
            swapped = text[:i] + text[i + 1 : i + 2] + text[i] + text[i + 2 :]
            assert apikeys.parse(swapped) is None or swapped == text


@given(st.text())
def test_any_text_is_refused_without_an_error(text: str) -> None:
    assert apikeys.parse(text) is None


@given(st.text(max_size=5), st.text(max_size=5))
def test_a_key_with_anything_around_it_is_refused(before: str, after: str) -> None:
    parsed = apikeys.parse(before + TENANTS.text + after)
    assert (parsed is None) is bool(before or after)


@given(st.text(alphabet=apikeys.ALPHABET, min_size=65, max_size=65), st.booleans())
def test_no_text_of_the_right_form_passes_by_luck(characters: str, is_operator: bool) -> None:
    prefix = "tcs_op_" if is_operator else "tcs_"
    assert apikeys.parse(f"{prefix}{characters[:16]}_{characters[16:]}") is None


def test_a_tenants_key_cannot_be_made_an_operators() -> None:
    assert apikeys.parse(TENANTS.text.replace("tcs_", "tcs_op_", 1)) is None
    assert apikeys.parse(OPERATORS.text.replace("tcs_op_", "tcs_", 1)) is None


def test_a_hash_matches_its_key_under_its_secret_alone() -> None:
    stored = TENANTS.hashed(SECRET)
    assert TENANTS.matches(stored, SECRET)
    assert not apikeys.mint().matches(stored, SECRET)
    assert not TENANTS.matches(stored, Secret({1: b"2" * 32}))
    assert TENANTS.text.encode() not in stored


def test_a_key_does_not_show_itself() -> None:
    assert TENANTS.text not in repr(TENANTS)
