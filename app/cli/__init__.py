"""The command line: starts the parts of the service, and talks to a running one over HTTP.

Modules are imported when a command needs them, so that `tocsin --help` answers at once.
"""
