"""Back up and restore the whole installation: rows, and what must be true of secret and cache."""

from contextlib import closing
from pathlib import Path

from app import signing
from app.cache import Cache
from app.errors import Misconfigured
from app.settings import Settings
from app.signing import Secret
from app.store import archive, backup, migrations, partitions, restore
from app.store.archive import Manifest, Progress


def take(settings: Settings, path: Path, progress: Progress) -> Manifest:
    """The secret is not in the file: whoever has only that can make no key, and guess none."""
    owner_url, secret = settings.required("owner_database_url"), own_secret(settings)
    return backup.take(owner_url, path, secret, progress)


def own_secret(settings: Settings) -> Secret:
    secret = _existing_secret(settings)
    if secret is None:
        raise Misconfigured(
            f"TOCSIN_SECRET_FILE: there is no {settings.secret_path}, under which the API keys of "
            "an installation are stored: there is nothing to back up, or the file is lost"
        )
    return secret


def put_back(
    settings: Settings, path: Path, progress: Progress, accepts_other_secret: bool = False
) -> Manifest:
    """All that the file holds, into an installation without tenants, whose service is stopped."""
    owner_url = settings.required("owner_database_url")
    given = settings.database_url
    server_url = given.get_secret_value() if given else None
    manifest = checked(settings, path, accepts_other_secret)
    with archive.opened(path) as zipped:
        archive.verify(zipped, manifest.parts, lambda part, size: progress(f"check {part}", size))
        restore.refuse_used(owner_url)
        _forget_cache(settings)
        restore.prepare(owner_url, server_url, manifest)
        restore.load(owner_url, zipped, manifest, progress)
    migrations.upgrade(owner_url, server_url)
    partitions.add_coming_years(owner_url)
    return manifest


def checked(settings: Settings, path: Path, accepts_other_secret: bool = False) -> Manifest:
    """What the file says of itself, if it can be restored here; its rows are not read yet."""
    with archive.opened(path) as zipped:
        manifest = archive.manifest(zipped)
        restore.refuse_unknown(manifest)
        if not accepts_other_secret:
            secret = _existing_secret(settings)
            refuse_other_secret(settings, secret, manifest)
            if secret is None or not archive.is_signed(zipped, secret):
                raise archive.BadBackup(f"{path}: {archive.MANIFEST} was changed since.")
    return manifest


def refuse_other_secret(settings: Settings, secret: Secret | None, manifest: Manifest) -> None:
    """Keys are stored under the secret: with another one, all of them would be refused."""
    ours = secret.fingerprints() if secret else {}
    missing = [n for n, name in manifest.secrets.items() if name not in ours.values()]
    if missing:
        raise Misconfigured(
            f"TOCSIN_SECRET_FILE: {settings.secret_path} is not the secret of this backup (line "
            f"{', '.join(missing)} of it is missing). Put that file there first: without it not "
            "one API key of the backup works. If it is lost, restore with --other-secret, and "
            "make all keys anew."
        )


def _existing_secret(settings: Settings) -> Secret | None:
    """Never made here: a new one opens no key of the backup."""
    return signing.load(settings.secret_path) if settings.secret_path.exists() else None


def _forget_cache(settings: Settings) -> None:
    """Models and windows in Redis may be of a life of these series that is not to be any more."""
    redis_url = settings.required("redis_url")
    with closing(Cache(redis_url, Secret({}), settings.cache_ttl_s)) as cache:
        cache.clear()
