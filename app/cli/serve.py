"""`tocsin serve`: the processes that answer requests."""


def serve() -> None:
    """Answer requests, until SIGTERM or Ctrl-C."""
    from app import settings
    from app.cli import children, ports, startup
    from app.cli.steps import Steps
    from app.processes import Supervisor

    configured = settings.read()
    ports.refuse_taken(configured.host, configured.port)
    configured = startup.checked(configured)
    children.allow_many_connections()
    with (
        children.metrics_folder(configured) as metrics_dir,
        Supervisor(Steps().show) as supervisor,
    ):
        supervisor.start(children.server(configured, metrics_dir))
        supervisor.run_until_signal()
