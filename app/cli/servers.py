"""The embedded servers of a running `tocsin up`, for a second command beside it."""

from pydantic import SecretStr

from app import embedded
from app.embedded import Urls
from app.settings import Settings


def with_urls(settings: Settings, urls: Urls) -> Settings:
    """The same settings, with the embedded servers where no others are set."""
    found = {
        "database_url": settings.database_url or SecretStr(urls.server),
        "redis_url": settings.redis_url or SecretStr(urls.redis),
    }
    if settings.database_url is None:
        found["owner_database_url"] = SecretStr(urls.owner)
    return settings.model_copy(update=found)


def reachable(settings: Settings) -> Settings:
    """With what runs on the data folder now; unchanged where nothing does."""
    if settings.database_url is not None and settings.redis_url is not None:
        return settings
    urls = embedded.running(settings.data_dir)
    return settings if urls is None else with_urls(settings, urls)
