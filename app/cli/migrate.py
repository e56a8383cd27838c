"""`tocsin migrate`: the database's schema."""


def migrate() -> None:
    """Bring the database to this version's schema, as its owner; may be repeated."""
    from app import settings
    from app.cli import output, servers
    from app.store import migrations

    configured = servers.reachable(settings.read())
    given = configured.database_url
    server_url = given.get_secret_value() if given else None
    owner_url = configured.required("owner_database_url")
    migrations.upgrade(owner_url, server_url, tell=output.message)
    output.message(f"The database is at revision {migrations.newest_revision()}.")
