"""Starts child processes, keeps them running, and takes them along when it ends; knows no servers.

    with Supervisor(on_event=show) as supervisor:
        supervisor.start(database, cache)   # together; returns when both are ready
        supervisor.start(web)               # the next stage; `begin` does not wait for it
        supervisor.run_until_signal()
    # here the stages were stopped, the last one first

Every child leads its own process group, so that Ctrl-C in a terminal reaches the supervisor alone,
and the kernel ends it when the supervisor dies, kill -9 included (Linux; elsewhere only a clean
stop takes the children along).
"""

from app.processes.child import Account, Child, spawn
from app.processes.gate import Gate, pass_through
from app.processes.life import Event, EventKind, Listener
from app.processes.processors import keep_to_one as keep_to_one_processor
from app.processes.processors import usable as usable_processors
from app.processes.supervisor import StopAsked, Supervisor

__all__ = [
    "Account",
    "Child",
    "Event",
    "EventKind",
    "Gate",
    "Listener",
    "StopAsked",
    "Supervisor",
    "keep_to_one_processor",
    "pass_through",
    "spawn",
    "usable_processors",
]
