"""`tocsin doctor`: is all of it well, and what to do where it is not."""

from typing import TYPE_CHECKING

import typer

from app.cli import output
from app.cli.failures import FAILED
from app.cli.output import AsJson

if TYPE_CHECKING:
    from app.cli.checks import Finding

COLUMNS: output.Columns = {
    "": lambda finding: {"ok": "✓", "warning": "!", "wrong": "✗"}[finding.state],
    "checked": lambda finding: finding.what,
    "found": lambda finding: finding.found,
    "what to do": lambda finding: finding.advice,
}


def doctor(as_json: AsJson = False) -> None:
    """Check settings, versions, servers, roles, folders and the port. Exit code 1: see to it."""
    from dataclasses import asdict

    found = _findings()
    if as_json:
        output.data([asdict(finding) for finding in found])
    else:
        output.table(found, COLUMNS)
    if any(finding.state == "wrong" for finding in found):
        raise typer.Exit(FAILED)


def _findings() -> "list[Finding]":
    from app import settings
    from app.cli import checks
    from app.errors import Misconfigured

    try:
        configured = settings.read()
    except Misconfigured as error:
        return [checks.Finding("Settings", "wrong", "", error.detail)]
    return list(checks.all_of(configured))
