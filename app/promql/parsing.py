"""A query out of its words; what is PromQL and not supported is refused with what is."""

import operator
from collections.abc import Callable
from dataclasses import replace

from app.errors import Invalid
from app.promql.query import SUPPORTED, Comparison, Matcher, Query, Selector
from app.promql.times import parse_duration_ms
from app.promql.tokens import Token, tokens

METRIC_NAME = "__name__"
FUNCTIONS = {f"{name}_over_time": name for name in ("min", "max", "avg", "sum", "count", "last")}
MATCHES = ("=", "!=", "=~", "!~")
COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")
SUMS: dict[str, Callable[[float, float], float]] = {"+": operator.add, "-": operator.sub}
PRODUCTS: dict[str, Callable[[float, float], float]] = {
    "*": operator.mul,
    "/": lambda a, b: a / b if b else float("nan"),
}
MOST_DEEP = 50

Parsed = Query | float


def parsed(text: str) -> Parsed:
    """A query, or the number that plain arithmetic comes to. Raises `Invalid`."""
    reader = _Reader(tokens(text))
    found = reader.comparison()
    reader.expect("end", "")
    return found


class _Reader:
    def __init__(self, words: list[Token]) -> None:
        self._words, self._next, self._deep = words, 0, 0

    @property
    def _at(self) -> Token:
        return self._words[self._next]

    def _take(self) -> Token:
        self._next += 1
        return self._words[self._next - 1]

    def _takes(self, *signs: str) -> str | None:
        """The sign that is next, if it is one of these."""
        if self._at.kind == "sign" and self._at.word in signs:
            return self._take().word
        return None

    def expect(self, kind: str, word: str | None = None) -> str:
        if self._at.kind != kind or (word is not None and self._at.word != word):
            raise self._refusal()
        return self._take().word

    def _refusal(self) -> Invalid:
        where = (
            f"{self._at.word!r} at character {self._at.place + 1}" if self._at.word else "its end"
        )
        return Invalid(f"The query is not understood at {where}. {SUPPORTED}")

    def comparison(self) -> Parsed:
        left = self._sum()
        while op := self._takes(*COMPARISONS):
            number = self._sum()
            if isinstance(left, float) or not isinstance(number, float):
                raise Invalid(f"Only series can be compared, and with a number. {SUPPORTED}")
            left = replace(left, comparisons=(*left.comparisons, Comparison(op, number)))
        return left

    def _sum(self) -> Parsed:
        return self._arithmetic(SUMS, lambda: self._arithmetic(PRODUCTS, self._signed))

    def _arithmetic(
        self, signs: dict[str, Callable[[float, float], float]], read: Callable[[], Parsed]
    ) -> Parsed:
        left = read()
        while op := self._takes(*signs):
            right = read()
            if not isinstance(left, float) or not isinstance(right, float):
                raise Invalid(f"Series cannot be reckoned with. {SUPPORTED}")
            left = signs[op](left, right)
        return left

    def _signed(self) -> Parsed:
        sign = self._takes("-", "+")
        found = self._primary()
        if sign is None:
            return found
        if not isinstance(found, float):
            raise Invalid(f"Series cannot be reckoned with. {SUPPORTED}")
        return -found if sign == "-" else found

    def _primary(self) -> Parsed:
        if self._at.kind == "number":
            return float(self._take().word)
        if self._takes("("):
            self._deep += 1
            if self._deep > MOST_DEEP:
                raise Invalid("The query has too many parentheses")
            found = self.comparison()
            self.expect("sign", ")")
            return found
        if self._at.kind == "name" and self._words[self._next + 1].word == "(":
            return self._function()
        return Query(self._selector())

    def _function(self) -> Query:
        name = self._at.word
        if name not in FUNCTIONS:
            raise Invalid(f"{name} is not supported. {SUPPORTED}")
        self._next += 2  # the name and its parenthesis
        selector = self._selector()
        if selector.range_ms is None:
            raise Invalid(f"{name} needs a range, as {name}(tocsin_score[1h])")
        self.expect("sign", ")")
        return Query(selector, FUNCTIONS[name])

    def _selector(self) -> Selector:
        matchers = []
        if self._at.kind == "name":
            matchers.append(Matcher(METRIC_NAME, "=", self._take().word))
        elif self._at.word != "{" or self._at.kind != "sign":
            raise self._refusal()
        if self._takes("{"):
            matchers += self._matchers()
        range_ms = self._range() if self._takes("[") else None
        return Selector(tuple(matchers), range_ms, self._offset())

    def _matchers(self) -> list[Matcher]:
        found = list[Matcher]()
        while not self._takes("}"):
            label = self.expect("name")
            op = self._takes(*MATCHES)
            if op is None:
                raise self._refusal()
            found.append(Matcher(label, op, self.expect("text")))
            if not self._takes(",") and self._at.word != "}":
                raise self._refusal()
        return found

    def _range(self) -> int:
        range_ms = self._duration()
        self.expect("sign", "]")
        return range_ms

    def _offset(self) -> int:
        if self._at.kind != "name" or self._at.word.lower() != "offset":
            return 0
        self._take()
        is_ahead = self._takes("-") is not None
        offset_ms = self._duration()
        return -offset_ms if is_ahead else offset_ms

    def _duration(self) -> int:
        try:
            duration_ms = parse_duration_ms(self.expect("duration"))
        except ValueError as error:
            raise Invalid(f"A duration {error}") from None
        if not duration_ms:
            raise Invalid("A duration must be longer than nothing")
        return duration_ms
