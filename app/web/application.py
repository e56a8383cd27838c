"""The WSGI application: all routes under one guard, every error a problem document."""

from types import ModuleType
from typing import Any

from app.actions.parts import Parts
from app.errors import Misconfigured, TocsinError
from app.web import problems, routes
from app.web.auth import AUTHENTICATORS, public
from app.web.framework import falcon, hug
from app.web.guard import Guard
from app.web.head import answering_head

PUBLIC = {
    ("GET", "/"),
    ("GET", "/assets/{tag}/{asset}"),
    ("GET", "/docs"),
    ("GET", "/events"),
    ("GET", "/healthz"),
    ("GET", "/metrics"),
    ("GET", "/openapi.json"),
    ("GET", "/readyz"),
    ("GET", "/series/{series_name}"),
    ("GET", "/upload"),
}


def build(parts: Parts, modules: tuple[ModuleType, ...]) -> Any:
    """Once in a process."""
    root = hug.API(name="tocsin", future=True)
    root.http.add_middleware(Guard(parts))
    for module in modules:
        root.extend(module)
    refuse_unguarded(root)
    root.http.versions.clear()  # or every route would also answer under /v<anything>/
    application = root.http.server(default_not_found=False)
    application.set_error_serializer(lambda *_: None)
    application.add_error_handler(Exception, problems.on_unexpected)
    application.add_error_handler(falcon.HTTPError, problems.on_framework)
    application.add_error_handler(TocsinError, problems.on_expected)
    return answering_head(application)


def refuse_unguarded(root: Any) -> None:
    """A route without an authenticator that is not on the public list stops the start."""
    for path, methods in _handlers(root):
        for method, interface in methods.items():
            requires = tuple(interface.requires)
            is_listed = (method, path) in PUBLIC
            is_open = requires == (public,)
            has_authenticator = bool(requires) and requires[0] in AUTHENTICATORS
            if is_open != is_listed or not (is_open or has_authenticator):
                raise Misconfigured(f"{method} {path} has no authenticator and is not public")
    declared = {(route.method, route.path) for route in routes.DECLARED}
    served = {(method, path) for path, methods in _handlers(root) for method in methods}
    if served - declared:
        raise Misconfigured(f"Routes that were not declared: {sorted(served - declared)}")


def _handlers(root: Any) -> list[tuple[str, dict[str, Any]]]:
    return [
        (path, {method: versions[None] for method, versions in methods.items()})
        for by_path in root.http.routes.values()
        for path, methods in by_path.items()
    ]
