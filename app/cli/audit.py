"""`tocsin audit`: who did what, newest first."""

from typing import Annotated, Any

import typer

from app.cli import client, output
from app.cli.output import AsJson

COLUMNS: output.Columns = {
    "at": lambda entry: entry["at"],
    "action": lambda entry: entry["action"],
    "tenant": lambda entry: output.text(entry["tenant"] or entry["tenant_id"]),
    "of": lambda entry: output.text(entry["subject_name"] or entry["subject"]),
    "by": lambda entry: _actor(entry),
    "from": lambda entry: output.text(entry["from_address"]),
    "details": lambda entry: output.text(entry["details"]) or "-",
    "request": lambda entry: output.text(entry["request_id"]),
}


def audit(
    tenant: Annotated[str | None, typer.Option(help="Only of this tenant, by its slug.")] = None,
    action: Annotated[str | None, typer.Option(help="Only this, such as `key.refused`.")] = None,
    start: Annotated[str | None, typer.Option("--from", help="From this time on.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Before this time.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List who did what, from where, newest first. Needs an operator key."""
    with client.connected("operator") as service:
        listed = service.list_audit(tenant=tenant, action=action, start=start, end=end, limit=limit)
        rows = client.raws(listed)
    output.listed(rows, COLUMNS, as_json, "Nothing was done")
    if len(rows) == limit:
        output.message(f"There may be more: these are the newest {limit} (--limit).")


def _actor(entry: dict[str, Any]) -> str:
    """The kind, and the key where there was one."""
    return " ".join(filter(None, (entry["actor_kind"], entry["actor"])))
