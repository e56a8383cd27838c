"""The queue, which only wakes workers: entries carry ids, are signed, and name known functions."""

from app.jobs.queue import JobQueue

__all__ = ["JobQueue"]
