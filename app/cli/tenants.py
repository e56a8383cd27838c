"""`tocsin tenants`: what the operator does."""

from typing import Annotated, Literal

import typer

from app.cli import client, jobs, output
from app.cli.failures import WrongUsage
from app.cli.output import AsJson

app = typer.Typer(no_args_is_help=True, help="Tenants. Needs an operator key.")
Slug = Annotated[str, typer.Argument(help="The tenant's name in addresses, such as `acme`.")]

COLUMNS: output.Columns = {
    "slug": lambda tenant: tenant["slug"],
    "name": lambda tenant: tenant["name"],
    "status": lambda tenant: tenant["status"],
    "made": lambda tenant: tenant["created_at"],
    "series": lambda tenant: output.number(tenant["use"]["series"]),
    "points": lambda tenant: output.number(tenant["use"]["stored_points"]),
    "today": lambda tenant: output.number(tenant["use"]["points_per_day"]),
    "limits": lambda tenant: output.text(tenant["limits"]) or "-",
}


@app.command("list")
def list_tenants(
    prefix: Annotated[str | None, typer.Option(help="Only slugs that begin so.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the tenants."""
    with client.connected("operator") as service:
        rows = client.raws(service.list_tenants(prefix=prefix))
    nothing = "There are no tenants: `tocsin tenants create SLUG`"
    output.listed(rows, COLUMNS, as_json, nothing, ("series", "points", "today"))


@app.command()
def create(
    slug: Slug,
    name: Annotated[str, typer.Option(help="Its name for people; default: the slug.")] = "",
    as_json: AsJson = False,
) -> None:
    """Make a tenant, and print its first key: the secret is shown this once."""
    with client.connected("operator") as service:
        made = service.create_tenant(slug, name or slug)
    if as_json:
        output.data(made.raw)
        return
    output.message(f"Made the tenant {slug}. Its first key, shown this once:")
    print(made.api_key.secret)


@app.command()
def suspend(slug: Slug, as_json: AsJson = False) -> None:
    """Refuse all of the tenant's requests; its data are kept."""
    _set_status(slug, "suspended", as_json)


@app.command()
def resume(slug: Slug, as_json: AsJson = False) -> None:
    """Serve a suspended tenant again."""
    _set_status(slug, "active", as_json)


def _set_status(slug: str, status: Literal["active", "suspended"], as_json: bool) -> None:
    with client.connected("operator") as service:
        tenant = service.update_tenant(slug, status=status)
    if as_json:
        output.data(tenant.raw)
    else:
        output.message(f"The tenant {slug} is {tenant.status}.")


@app.command()
def delete(
    slug: Slug,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Erase a tenant with its series, points, scores, models and keys, for good."""
    with client.connected("operator") as service:
        service.get_tenant(slug)
        if not yes and typer.prompt(f"Type {slug} to erase all of it for good", err=True) != slug:
            raise WrongUsage("That is not its slug: nothing was erased.")
        job = service.delete_tenant(slug, confirm=slug)
        job = jobs.followed(service, job, f"Erasing {slug}")
    if as_json:
        output.data(job.raw)
    else:
        output.message(f"Erased the tenant {slug}.")
