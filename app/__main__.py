"""`python -m app` is `tocsin`."""

from app.cli.main import main

main()
