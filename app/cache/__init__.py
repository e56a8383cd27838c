"""Redis, which only makes things fast: it may be empty or down, and no answer changes."""

from app.cache.entries import Cache

__all__ = ["Cache"]
