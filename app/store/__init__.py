"""Postgres, which holds the truth. Every function takes a connection that `Database` opened."""

from app.store.database import Database

__all__ = ["Database"]
