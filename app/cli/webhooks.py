"""`tocsin webhooks`: where a tenant is told of what happens, and how that went."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from app.cli import client, lengths, output
from app.cli.failures import CommandFailed, WrongUsage
from app.cli.output import AsJson

if TYPE_CHECKING:
    from app.client import FullDelivery, NewWebhook, Webhook

app = typer.Typer(no_args_is_help=True, help="Webhooks: who is told of what happens.")
WAIT_S = 30.0

WebhookId = Annotated[str, typer.Argument(metavar="ID", help="Of `tocsin webhooks list`.")]
DeliveryId = Annotated[
    str | None,
    typer.Argument(metavar="DELIVERY", help="Of `tocsin webhooks deliveries`."),
]
Types = Annotated[
    list[str] | None,
    typer.Option("--type", help="What it is told of, such as event.opened; may be repeated."),
]
Description = Annotated[str | None, typer.Option(help="What it is for.")]
Quiet = Annotated[
    str | None,
    typer.Option(
        "--quiet-hours",
        help="When it is left alone, such as '22:00-07:00 Europe/Berlin'; or none.",
    ),
]
Waits = Annotated[bool, typer.Option("--wait/--no-wait", help="Until it was called.")]

COLUMNS: output.Columns = {
    "id": lambda webhook: webhook["id"],
    "url": lambda webhook: webhook["url"],
    "types": lambda webhook: output.text(webhook["types"]),
    "quiet": lambda webhook: _shown_quiet_hours(webhook["quiet_hours"]),
    "status": lambda webhook: webhook["status"],
    "reason": lambda webhook: output.text(webhook["disabled_reason"]),
    "failing since": lambda webhook: output.text(webhook["failing_since"]),
    "description": lambda webhook: webhook["description"],
}
DELIVERY_COLUMNS: output.Columns = {
    "made": lambda delivery: delivery["created_at"],
    "type": lambda delivery: delivery["type"],
    "status": lambda delivery: delivery["status"],
    "tries": lambda delivery: output.text(delivery["attempt"]),
    "due": lambda delivery: output.text(delivery["due_at"]),
    "last": lambda delivery: _outcome(delivery["last_attempt"]),
    "id": lambda delivery: delivery["id"],
}


def _shown_quiet_hours(of: Any) -> str:
    return "-" if of is None else f"{of['from']}-{of['to']} {of['time_zone']}"


def _outcome(attempt: Any) -> str:
    """Of a call: what was answered, or why nothing was."""
    if attempt is None:
        return "-"
    status = [] if attempt["status"] is None else [str(attempt["status"])]
    return ", ".join([*status, *([attempt["error"]] if attempt["error"] else [])]) or "taken"


@app.command("list")
def list_webhooks(as_json: AsJson = False) -> None:
    """List the webhooks, the oldest first."""
    with client.connected() as service:
        rows = client.raws(service.list_webhooks())
    output.listed(rows, COLUMNS, as_json, "There are no webhooks: `tocsin webhooks create URL`")


@app.command()
def create(
    url: Annotated[str, typer.Argument(help="Its address; of a notice mailto:…, slack://…, ….")],
    types: Types = None,
    description: Description = None,
    quiet_hours: Quiet = None,
    as_json: AsJson = False,
) -> None:
    """Make a webhook, and print the secret that its calls are signed by: it is shown this once."""
    with client.connected() as service:
        made = service.create_webhook(url, **_settings(types, description, quiet_hours))
    _show_secret(made, f"Made the webhook {made.id}", as_json)


def _settings(
    types: list[str] | None, description: str | None, quiet_hours: str | None
) -> dict[str, Any]:
    """Those that were given."""
    given = {"types": types or None, "description": description}
    known = {name: value for name, value in given.items() if value is not None}
    return known if quiet_hours is None else {**known, "quiet_hours": _quiet_hours(quiet_hours)}


def _quiet_hours(given: str) -> dict[str, str] | None:
    """What the times and the zone may be, the service says."""
    if given == "none":
        return None
    times, _, zone = given.partition(" ")
    start, _, end = times.partition("-")
    if not (start and end and zone):
        raise WrongUsage(
            f"--quiet-hours {given}: must be times and a zone, such as "
            "'22:00-07:00 Europe/Berlin', or none."
        )
    return {"from": start, "to": end, "time_zone": zone}


def _show_secret(made: "NewWebhook", done: str, as_json: bool) -> None:
    if as_json:
        output.data(made.raw)
        return
    if not made.secret:  # of a notice
        output.message(f"{done}.")
        return
    output.message(f"{done}. Its secret, shown this once:")
    print(made.secret)


@app.command()
def show(webhook_id: WebhookId, delivery_id: DeliveryId = None, as_json: AsJson = False) -> None:
    """Show a webhook and how it does, or one of its deliveries."""
    with client.connected() as service:
        if delivery_id is None:
            raw = service.get_webhook(webhook_id).raw
        else:
            raw = service.get_delivery(webhook_id, delivery_id).raw
    output.one(raw, as_json)


@app.command()
def update(
    webhook_id: WebhookId,
    url: Annotated[str | None, typer.Option(help="Its address.")] = None,
    types: Types = None,
    description: Description = None,
    quiet_hours: Quiet = None,
    as_json: AsJson = False,
) -> None:
    """Change a webhook; what is not named stays."""
    changes = _settings(types, description, quiet_hours) | ({} if url is None else {"url": url})
    if not changes:
        raise WrongUsage("Nothing to change: name --url, --type, --description or --quiet-hours.")
    with client.connected() as service:
        changed = service.update_webhook(webhook_id, **changes)
    output.one(changed.raw, as_json)


@app.command()
def disable(webhook_id: WebhookId, as_json: AsJson = False) -> None:
    """Tell a webhook nothing more, not what waits for it either."""
    _set_status(webhook_id, "disabled", as_json)


@app.command()
def enable(webhook_id: WebhookId, as_json: AsJson = False) -> None:
    """Tell a webhook again of what happens from now on."""
    _set_status(webhook_id, "enabled", as_json)


def _set_status(webhook_id: str, status: Literal["enabled", "disabled"], as_json: bool) -> None:
    with client.connected() as service:
        changed: Webhook = service.update_webhook(webhook_id, status=status)
    if as_json:
        output.data(changed.raw)
    else:
        output.message(f"The webhook {webhook_id} is {changed.status}.")


@app.command()
def delete(
    webhook_id: WebhookId, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False
) -> None:
    """Remove a webhook with its deliveries, for good."""
    with client.connected() as service:
        url = service.get_webhook(webhook_id).url
        if not yes and not typer.confirm(f"Remove the webhook to {output.visible(url)}?", err=True):
            raise WrongUsage("Nothing was removed.")
        service.delete_webhook(webhook_id)
    output.message(f"Removed the webhook {webhook_id}.")


@app.command()
def rotate(
    webhook_id: WebhookId,
    grace: Annotated[
        str, typer.Option(help="How long the secret before signs too: seconds, or 90m, 1h, 7d.")
    ] = "1d",
    as_json: AsJson = False,
) -> None:
    """Give a webhook a new secret, and print it: it is shown this once."""
    grace_s = lengths.grace_s(grace)
    with client.connected() as service:
        made = service.rotate_webhook(webhook_id, grace_s=grace_s)
    end = f"; the one before signs too until {made.raw['previous_until']}" if grace_s else ""
    _show_secret(made, f"Rotated the secret of {webhook_id}{end}", as_json)


@app.command()
def deliveries(
    webhook_id: WebhookId,
    status: Annotated[
        str | None, typer.Option(help="Only those that are pending, delivered or failed.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List what a webhook was and is to be told, newest first."""
    with client.connected() as service:
        wanted: Any = status  # the service says what it may be
        rows = client.raws(service.list_deliveries(webhook_id, status=wanted, limit=limit))
    output.listed(rows, DELIVERY_COLUMNS, as_json, "No deliveries", ["tries"])
    if len(rows) == limit:
        output.message(f"There may be more: these are the newest {limit} (--limit).")


@app.command("test")
def try_out(webhook_id: WebhookId, waits: Waits = True, as_json: AsJson = False) -> None:
    """Call a webhook to try it; fails where the receiver does not take it."""
    with client.connected() as service:
        tried = service.try_webhook(webhook_id, wait_s=WAIT_S if waits else None)
    _tell(tried, waits, as_json)


@app.command()
def replay(
    webhook_id: WebhookId,
    delivery_id: DeliveryId = None,
    since: Annotated[
        str | None, typer.Option(help="Without DELIVERY: of what happened since then.")
    ] = None,
    waits: Waits = True,
    as_json: AsJson = False,
) -> None:
    """Tell a webhook a delivery again, or without one all that failed."""
    if delivery_id is not None and since is not None:
        raise WrongUsage("--since is for all that failed: name it or a delivery.")
    with client.connected() as service:
        if delivery_id is not None:
            wait_s = WAIT_S if waits else None
            again = service.replay_delivery(webhook_id, delivery_id, wait_s=wait_s)
            _tell(again, waits, as_json)
            return
        told = service.replay_failed(webhook_id, since=since)
    if as_json:
        output.data(told.raw)
    else:
        output.message(f"Deliveries that are due again: {told.replayed}.")


def _tell(delivery: "FullDelivery", waited: bool, as_json: bool) -> None:
    """What came of a call; that it was not taken is an error."""
    if as_json:
        output.data(delivery.raw)
    outcome = _outcome(delivery.raw["last_attempt"])
    if delivery.status == "delivered":
        if not as_json:
            output.message(f"Delivered: {outcome}.")
    elif not waited:
        if not as_json:
            output.message(f"Delivery {delivery.id} is {delivery.status}.")
    elif delivery.last_attempt is None:
        raise CommandFailed(
            f"Nobody called it within {WAIT_S:g} s: does what calls webhooks run "
            "(`tocsin up`, `tocsin worker`)?"
        )
    else:
        raise CommandFailed(f"It was not taken: {outcome}.")
