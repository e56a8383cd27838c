"""One secret signs, every valid one verifies, and none stands in for another purpose."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import signing
from app.errors import Misconfigured
from app.signing import SIGNATURE_BYTES, Secret

ONE, TWO = b"1" * 32, b"2" * 32
MESSAGE = b"message"


def test_a_signature_holds_for_its_message_and_purpose_alone() -> None:
    secret = Secret({1: ONE})
    signature = secret.sign("cache", MESSAGE)
    assert len(signature) == SIGNATURE_BYTES
    assert secret.holds("cache", MESSAGE, signature)
    assert not secret.holds("queue", MESSAGE, signature)
    assert not secret.holds("cache", MESSAGE + b"!", signature)
    assert not Secret({1: TWO}).holds("cache", MESSAGE, signature)


def test_what_is_derived_stays_with_the_secret_of_its_number() -> None:
    before, during, after = Secret({1: ONE}), Secret({1: ONE, 2: TWO}), Secret({2: TWO})
    assert (before.number, during.number) == (1, 2)
    derived = before.derived(1, "webhook", MESSAGE)
    assert derived == during.derived(1, "webhook", MESSAGE)
    assert derived != during.derived(2, "webhook", MESSAGE)
    assert after.derived(1, "webhook", MESSAGE) is None
    assert derived != before.derived(1, "webhook", MESSAGE + b"!")
    assert derived != before.derived(1, "api-key", MESSAGE)


@given(st.binary(max_size=64))
def test_no_other_bytes_are_a_signature(forged: bytes) -> None:
    secret = Secret({1: ONE})
    assert secret.holds("cache", MESSAGE, forged) is (forged == secret.sign("cache", MESSAGE))


def test_during_a_rotation_both_secrets_hold_and_the_newer_one_signs() -> None:
    before, during, after = Secret({1: ONE}), Secret({1: ONE, 2: TWO}), Secret({2: TWO})
    old, new = before.sign("cache", MESSAGE), during.sign("cache", MESSAGE)
    assert new == after.sign("cache", MESSAGE) != old
    assert during.holds("cache", MESSAGE, old)
    assert during.holds("cache", MESSAGE, new)
    assert not after.holds("cache", MESSAGE, old)


def test_the_secret_is_not_shown() -> None:
    shown = repr(Secret({1: ONE, 7: TWO}))
    assert shown == "Secret(numbers=[7, 1])"


def test_the_first_start_makes_a_file_that_only_its_owner_reads(tmp_path: Path) -> None:
    path = tmp_path / "new" / "secret"
    made = signing.load(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]
    assert signing.load(path).holds("cache", MESSAGE, made.sign("cache", MESSAGE))


def test_of_many_first_starts_one_secret_comes_out(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    with ThreadPoolExecutor(16) as pool:
        loaded = list(pool.map(signing.load, [path] * 64))
    assert len({secret.sign("cache", MESSAGE) for secret in loaded}) == 1
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_of_two_secrets_is_a_rotation(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text(f"1 {ONE.hex()}\n\n2 {TWO.hex()}\n")
    loaded = signing.load(path)
    assert loaded.holds("cache", MESSAGE, Secret({1: ONE}).sign("cache", MESSAGE))
    assert loaded.sign("cache", MESSAGE) == Secret({2: TWO}).sign("cache", MESSAGE)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "\n",
        ONE.hex(),
        f"{ONE.hex()} 1",
        f"1 {ONE.hex()[:-2]}",
        f"1 {ONE.hex()[:-1]}",
        f"1 {ONE.hex()}\n2 {TWO.hex()[:10]}",
        f"1 {ONE.hex()}\n1 {TWO.hex()}",
        f"1 {ONE.hex()} more",
        f"one {ONE.hex()}",
        "1 " + "z" * 64,
        "\udcff\udcfe",
    ],
)
def test_a_damaged_file_is_refused_and_what_stands_in_it_not_shown(
    tmp_path: Path, content: str
) -> None:
    path = tmp_path / "secret"
    path.write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(Misconfigured, match="TOCSIN_SECRET_FILE") as raised:
        signing.load(path)
    assert str(path) in raised.value.detail
    assert ONE.hex()[:10] not in raised.value.detail
    assert path.read_bytes() == content.encode(errors="surrogateescape"), "it is left as it was"


def test_a_folder_in_the_files_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="cannot be read"):
        signing.load(tmp_path)


def test_a_secret_is_named_by_its_lines_and_the_name_opens_nothing(tmp_path: Path) -> None:
    first, other = "ab" * 32, "cd" * 32
    one, both = tmp_path / "one", tmp_path / "both"
    one.write_text(f"1 {first}\n")
    both.write_text(f"1 {first}\n2 {other}\n")
    names = signing.load(both).fingerprints()
    assert list(names) == ["1", "2"]
    assert signing.load(one).fingerprints() == {"1": names["1"]}
    assert names["1"] != names["2"]
    assert all(name not in first + other for name in names.values())
