"""How commands fail: with an error that has an exit code, never with a traceback."""

from collections.abc import Mapping
from typing import Any, ClassVar

from app.errors import TocsinError, Unavailable

FAILED, WRONG_USAGE, NOT_REACHABLE = 1, 2, 3
EXIT_CODES = (
    "Exit codes: 0 done; 1 the service refused, or something failed; 2 wrong usage; "
    "3 the service, or a server that it needs, cannot be reached."
)


class CommandFailed(Exception):
    """Base of what commands find wrong themselves; not of the errors that the service answers."""

    exit_code: ClassVar[int] = FAILED

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class ServiceRefused(CommandFailed):
    """The service answered with an error; `problem` is its problem document."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(str(problem.get("detail") or problem.get("title") or f"status {status}"))
        self.status = status
        self.problem = problem

    @property
    def lines(self) -> list[str]:
        """What is wrong with which field, or with which line of a file."""
        return [line_of(error) for error in self.problem.get("errors") or ()]


class NotReachable(CommandFailed):
    """Nothing answers at the service's address."""

    exit_code = NOT_REACHABLE


class WrongUsage(CommandFailed):
    """The command, or what it was given, cannot be understood."""

    exit_code = WRONG_USAGE


def exit_code(error: CommandFailed | TocsinError) -> int:
    """Of a command that ended with it."""
    if isinstance(error, CommandFailed):
        return error.exit_code
    return NOT_REACHABLE if isinstance(error, Unavailable) else FAILED


def line_of(error: Mapping[str, Any]) -> str:
    """An error of a field, or of a line of a file, to read."""
    if "row" not in error:
        return f"{error.get('field')}: {error.get('message')}"
    column = f", {error['column']}" if error.get("column") else ""
    return f"line {error['row']}{column}: {error['message']}"
