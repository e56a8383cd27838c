"""What was asked, once it is understood."""

from dataclasses import dataclass

SUPPORTED = (
    'Supported are a selector, as tocsin_value{series="rides"}, with =, !=, =~, !~ and offset; '
    "min_, max_, avg_, sum_, count_ or last_over_time of one with a range, as "
    "max_over_time(tocsin_score[1h]); a comparison of these with a number; and arithmetic with "
    "numbers alone"
)


@dataclass(frozen=True)
class Matcher:
    """`label op "text"`, where op is one of =, !=, =~ and !~."""

    label: str
    op: str
    text: str


@dataclass(frozen=True)
class Selector:
    matchers: tuple[Matcher, ...]
    range_ms: int | None = None
    offset_ms: int = 0


@dataclass(frozen=True)
class Comparison:
    op: str
    number: float


@dataclass(frozen=True)
class Query:
    """function: `min`, `max`, `avg`, `sum`, `count` or `last`, of what lies in the range."""

    selector: Selector
    function: str | None = None
    comparisons: tuple[Comparison, ...] = ()
