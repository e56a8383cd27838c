"""`tocsin worker`: trainings and upkeep."""


def worker() -> None:
    """Do jobs, until SIGTERM or Ctrl-C; the running ones are ended before, if they are quick."""
    from app import settings
    from app.cli import children, startup
    from app.cli.steps import Steps
    from app.processes import Supervisor

    configured = startup.checked(settings.read())
    with Supervisor(Steps().show) as supervisor:
        supervisor.start(*children.workers(configured))
        supervisor.run_until_signal()
