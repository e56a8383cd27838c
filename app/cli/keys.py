"""`tocsin keys`: a tenant's keys over HTTP, the operator's directly in the database."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Any

import typer

from app.cli import client, lengths, output
from app.cli.failures import CommandFailed, WrongUsage
from app.cli.output import AsJson

app = typer.Typer(no_args_is_help=True, help="API keys.")
OfOperator = Annotated[
    bool, typer.Option("--operator", help="Operator keys, directly in the database.")
]

KeyId = Annotated[str, typer.Argument(metavar="ID", help="Of `tocsin keys list`.")]

COLUMNS: output.Columns = {
    "id": lambda key: key["id"],
    "name": lambda key: key["name"],
    "scopes": lambda key: output.text(key["scopes"]),
    "made": lambda key: key["created_at"],
    "expires": lambda key: output.text(key["expires_at"]),
    "old until": lambda key: output.text(key["previous_until"]),
    "revoked": lambda key: output.text(key["revoked_at"]),
    "last used": lambda key: output.text(key["last_used_at"]),
}


@app.command("list")
def list_keys(is_operator: OfOperator = False, as_json: AsJson = False) -> None:
    """List the keys, revoked ones too; secrets are stored nowhere."""
    if is_operator:
        from app.cli import operator_keys

        rows = operator_keys.listed()
    else:
        with client.connected() as service:
            rows = client.raws(service.list_keys())
    output.listed(rows, COLUMNS, as_json, "There are no keys")


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What it is for.")] = "command line",
    scopes: Annotated[
        list[str] | None, typer.Option("--scope", help="read, write or admin; may be repeated.")
    ] = None,
    expires_at: Annotated[str | None, typer.Option("--expires", help="RFC 3339 time.")] = None,
    tenant: Annotated[
        str | None, typer.Option(help="The tenant to make it for, with an operator key.")
    ] = None,
    is_operator: OfOperator = False,
    as_json: AsJson = False,
) -> None:
    """Make a key, and print its secret: it is shown this once."""
    if is_operator:
        if scopes or expires_at or tenant:
            raise WrongUsage("An operator key has no scopes, tenant or end.")
        made = _made_for_operator(name)
    else:
        made = _made(tenant, name, scopes or ["read"], expires_at)
    _show(made, f"Made the key {made['id']}", as_json)


def _show(made: Mapping[str, Any], done: str, as_json: bool) -> None:
    """A key with its secret."""
    if as_json:
        output.data(made)
        return
    output.message(f"{done}. Its secret, shown this once:")
    print(made["secret"])


def _made_for_operator(name: str) -> Mapping[str, Any]:
    from app.cli import operator_keys

    return operator_keys.made(name)


def _made(
    tenant: str | None, name: str, scopes: Sequence[Any], expires_at: str | None
) -> Mapping[str, Any]:
    with client.connected("operator" if tenant else "tenant") as service:
        make = partial(service.create_tenant_key, tenant) if tenant else service.create_key
        return make(name, scopes, expires_at=expires_at).raw


@app.command()
def rotate(
    key_id: KeyId,
    grace: Annotated[
        str, typer.Option(help="How long the secret before works on: seconds, or 90m, 1h, 7d.")
    ] = "0",
    is_operator: OfOperator = False,
    as_json: AsJson = False,
) -> None:
    """Give a key a new secret, and print it: it is shown this once."""
    grace_s = lengths.grace_s(grace)
    if is_operator:
        from app.cli import operator_keys

        made: Mapping[str, Any] = operator_keys.rotated(key_id, grace_s)
    else:
        with client.connected() as service:
            made = service.rotate_key(key_id, grace_s=grace_s).raw
    end = f"; the one before works until {made['previous_until']}" if grace_s else ""
    _show(made, f"Rotated the key {key_id}{end}", as_json)
    _keep(made["secret"])


def _keep(key: str) -> None:
    """`credentials.json` follows, or the commands that use it would be locked out."""
    from app import settings
    from app.cli import credentials

    data_dir = settings.read_client().data_dir
    path = data_dir / credentials.FILE
    try:
        is_held = credentials.follow(data_dir, key)
    except OSError as error:
        raise CommandFailed(
            f"{path} holds the secret before and cannot be written ({error.strerror}): put the new "
            "one there by hand."
        ) from None
    if is_held:
        output.message(f"{path} has the new one.")


@app.command()
def revoke(
    key_id: KeyId,
    is_operator: OfOperator = False,
) -> None:
    """Let a key open nothing from now on."""
    if is_operator:
        from app.cli import operator_keys

        operator_keys.revoke(key_id)
    else:
        with client.connected() as service:
            service.revoke_key(key_id)
    output.message(f"Revoked the key {key_id}.")
