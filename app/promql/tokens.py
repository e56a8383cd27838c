"""PromQL in words."""

import re
from typing import NamedTuple

from app.errors import Invalid

MOST_CHARACTERS = 10_000
BLANK = re.compile(r"(?:\s|#[^\n]*(?:\n|$))*")
TOKEN = re.compile(
    r"""
      (?P<duration> (?:[0-9]+(?:ms|[smhdwy]))+ (?![\w.]) )
    | (?P<number>   (?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)? (?![\w.])
                  | (?:inf|nan)\b )
    | (?P<name>     [a-z_:][\w:]* )
    | (?P<text>     "(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*' | `[^`]*` )
    | (?P<sign>     =~ | !~ | !=  | == | <= | >= | [-+*/%^(){}\[\],:=<>@] )
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)
PLAIN = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
PLAIN |= {mark: mark for mark in "\\\"'"}


class Token(NamedTuple):
    """kind: `duration`, `number`, `name`, `text` (without its quotes), `sign`, or `end`."""

    kind: str
    word: str
    place: int


def tokens(query: str) -> list[Token]:
    if len(query) > MOST_CHARACTERS:
        raise Invalid(f"A query may have {MOST_CHARACTERS} characters")
    found, place = list[Token](), 0
    while True:
        blank = BLANK.match(query, place)
        place = blank.end() if blank else place
        if place == len(query):
            return [*found, Token("end", "", place)]
        token = TOKEN.match(query, place)
        if token is None or token.lastgroup is None:
            raise Invalid(f"The query cannot be read from its character {place + 1} on")
        word = token.group()
        if token.lastgroup == "text":
            word = _unquoted(word)
        found.append(Token(token.lastgroup, word, place))
        place = token.end()


def _unquoted(quoted: str) -> str:
    inner = quoted[1:-1]
    return inner if quoted[0] == "`" else ESCAPE.sub(_unescaped, inner)


def _unescaped(escape: re.Match[str]) -> str:
    *codes, mark = escape.groups()
    code = next((code for code in codes if code), None)
    try:
        character = chr(int(code, 16)) if code else PLAIN[mark]
        character.encode()  # half a surrogate pair is none
    except (KeyError, ValueError, OverflowError):
        raise Invalid(f"{escape.group()} is no escape that a text may have") from None
    return character
