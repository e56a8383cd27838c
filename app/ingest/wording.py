"""How refusals speak: of a short piece of the input, and of the line it stands on."""

from app.errors import Invalid, RowError

EXCERPT_CHARACTERS = 40


def excerpt(text: str) -> str:
    """The text in quotes, control characters escaped, cut where it is long."""
    if len(text) > EXCERPT_CHARACTERS:
        return repr(text[:EXCERPT_CHARACTERS]) + "..."
    return repr(text)


def invalid_line(line: int, message: str, column: str | None = None) -> Invalid:
    """The refusal of a whole file for what stands on one line of it; to be raised by the caller."""
    return Invalid(f"line {line}: {message}", [RowError(line, column, message)])
