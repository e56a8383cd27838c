"""How commands fail: with an error that has an exit code, never with a traceback."""

from collections.abc import Mapping
from typing import Any

from app.errors import TocsinError, Unavailable

FAILED, WRONG_USAGE, NOT_REACHABLE = 1, 2, 3
EXIT_CODES = (
    "Exit codes: 0 done; 1 the service refused, or something failed; 2 wrong usage; "
    "3 the service, or a server that it needs, cannot be reached."
)


class ServiceRefused(TocsinError):
    """The service answered with an error; `problem` is its problem document."""

    code = "service_refused"
    title = "The service refused"

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(str(problem.get("detail") or problem.get("title") or f"status {status}"))
        self.status = status
        self.problem = problem

    @property
    def lines(self) -> list[str]:
        """What is wrong with which field, or with which line of a file."""
        return [line_of(error) for error in self.problem.get("errors") or ()]


class NotReachable(TocsinError):
    code = "not_reachable"
    title = "The service does not answer"


class WrongUsage(TocsinError):
    code = "wrong_usage"
    title = "The command cannot be understood"


def exit_code(error: TocsinError) -> int:
    if isinstance(error, WrongUsage):
        return WRONG_USAGE
    return NOT_REACHABLE if isinstance(error, NotReachable | Unavailable) else FAILED


def line_of(error: Mapping[str, Any]) -> str:
    """An error of a field, or of a line of a file, to read."""
    if "row" not in error:
        return f"{error.get('field')}: {error.get('message')}"
    column = f", {error['column']}" if error.get("column") else ""
    return f"line {error['row']}{column}: {error['message']}"
