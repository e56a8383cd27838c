"""Postgres, which holds the truth. Every function takes a connection that `Database` opened."""

from sqlalchemy import Connection

from app.store.database import Database

__all__ = ["Connection", "Database"]
