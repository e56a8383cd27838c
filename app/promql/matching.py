"""Which labels a selector means. Patterns are RE2's, as Prometheus's are: in linear time, so that
none of them can keep a thread."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import re2

from app.errors import Invalid
from app.promql.query import Matcher

MOST_CHARACTERS = 5_000  # of a pattern: Grafana makes one of all the values that are chosen
LITERAL = re.compile(r"(?:[\w \-:/@%&=~,;#<>\"'!]|\\[^\w\s])+", re.ASCII)

Matching = Callable[[Mapping[str, str]], bool]


def compiled(matchers: Sequence[Matcher]) -> Matching:
    """Whether labels match all of these; a label that is not there is ''. Raises `Invalid`."""
    tests = [(one.label, _test(one)) for one in matchers]
    if not any(not test("") for _, test in tests):
        raise Invalid("A selector needs a metric's name, or a matcher that does not match ''")
    return lambda labels: all(test(labels.get(label, "")) for label, test in tests)


def names_of(label: str, matchers: Sequence[Matcher]) -> list[str] | None:
    """The only values that a label may have, where the matchers tell: by `=`, or by a pattern of
    alternatives as Grafana makes it."""
    for one in matchers:
        if one.label == label and one.op == "=":
            return [one.text]
        if one.label == label and one.op == "=~" and (values := _alternatives(one.text)):
            return values
    return None


def _alternatives(pattern: str) -> list[str] | None:
    inner = pattern[1:-1] if pattern.startswith("(") and pattern.endswith(")") else pattern
    parts = inner.split("|")
    if not all(LITERAL.fullmatch(part) for part in parts):
        return None
    return [re.sub(r"\\(.)", r"\1", part) for part in parts]


def _test(matcher: Matcher) -> Callable[[str], bool]:
    if matcher.op == "=":
        return matcher.text.__eq__
    if matcher.op == "!=":
        return matcher.text.__ne__
    pattern = _pattern(matcher.text)
    if matcher.op == "=~":
        return lambda text: pattern.fullmatch(text) is not None
    return lambda text: pattern.fullmatch(text) is None


@lru_cache(1_000)
def _pattern(text: str) -> Any:
    if len(text) > MOST_CHARACTERS:
        raise Invalid(f"A pattern may have {MOST_CHARACTERS} characters")
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.dot_nl = True
    try:
        return re2.compile(text, options)
    except re2.error as error:
        raise Invalid(f"{text!r} is no pattern of RE2: {_words(error)}") from None


def _words(error: Exception) -> str:
    [said] = error.args
    return said.decode(errors="replace") if isinstance(said, bytes) else str(said)
