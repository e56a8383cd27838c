def doctor() -> None:
    """Check."""
