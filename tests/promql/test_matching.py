"""Which labels a selector means, by patterns that no text can make slow."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Invalid
from app.promql import Matcher, compiled, names_of

NAMED = Matcher("__name__", "=", "m")


@pytest.mark.parametrize(
    ("op", "text", "meant"),
    [
        ("=", "ab", {"ab"}),
        ("!=", "ab", {"a", "b", ""}),
        ("=~", "a|b", {"a", "b"}),
        ("=~", "a.*", {"a", "ab"}),
        ("=~", ".+", {"a", "b", "ab"}),
        ("!~", "a.*", {"b", ""}),
        ("=~", "", {""}),
        ("=", "", {""}),
        ("=~", "(?i)A", {"a"}),
    ],
)
def test_a_pattern_is_held_against_the_whole(op: str, text: str, meant: set[str]) -> None:
    is_meant = compiled([NAMED, Matcher("series", op, text)])
    given = [{"__name__": "m", "series": name} for name in ("a", "b", "ab")] + [{"__name__": "m"}]
    assert {labels.get("series", "") for labels in given if is_meant(labels)} == meant
    assert not is_meant({"__name__": "other", "series": "a"})


def test_a_selector_has_to_name_something() -> None:
    for matchers in ([], [Matcher("a", "=~", ".*")], [Matcher("a", "!=", "b")]):
        with pytest.raises(Invalid, match="does not match ''"):
            compiled(matchers)


def test_a_pattern_over_which_others_would_never_end() -> None:
    is_meant = compiled([NAMED, Matcher("series", "=~", "(a+)+(b|c*)*$x")])
    assert not is_meant({"__name__": "m", "series": "a" * 200})


@pytest.mark.parametrize("text", ["(", "(?=a)", r"\1", "a{2000}", "[z-a]", "x" * 5_001])
def test_what_is_no_pattern_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="pattern"):
        compiled([NAMED, Matcher("series", "=~", text)])


def test_names_are_read_off_the_patterns_that_grafana_makes() -> None:
    def names(op: str, text: str) -> list[str] | None:
        return names_of("series", [NAMED, Matcher("series", op, text)])

    assert names("=", "a.b") == ["a.b"]
    assert names("=~", "a") == ["a"]
    assert names("=~", r"(web\.cpu|db-1|a:b)") == ["web.cpu", "db-1", "a:b"]
    for text in ("a.*", "a|b+", "(a)|(b)", "", "a||b", r"\w", "(a"):
        assert names("=~", text) is None
    assert names("!=", "a") is None
    assert names_of("field", [NAMED]) is None


@given(
    st.from_regex(r"[A-Za-z0-9._:\\|()-]{1,12}", fullmatch=True), st.text("ab.|\\w-", max_size=3)
)
def test_names_that_are_read_off_are_those_that_match(pattern: str, name: str) -> None:
    """Of any others the pattern decides."""
    matchers = [NAMED, Matcher("series", "=~", pattern)]
    names = names_of("series", matchers)
    if names is None:
        return
    is_meant = compiled(matchers)
    for one in [*names, name]:
        assert is_meant({"__name__": "m", "series": one}) == (one in names)
