"""Hug's interface of a route, without what Hug does at each request for routes unlike ours.

None of ours has versions, transformations, merged parameters or handlers of exceptions by type, and
looking for them took Hug as long as all else between the server and a handler.
"""

from typing import Any

from app.web import formats
from app.web.framework import Request, Response, hug


class Interface(hug.interface.HTTP):  # type: ignore[misc]
    """What Falcon calls: each requirement, then the handler with what its directives find."""

    def __init__(self, route: dict[str, Any], function: Any, catch_exceptions: bool = True) -> None:
        super().__init__(route, function, catch_exceptions)
        self._finders = tuple((name, one.find) for name, one in self.directives.items())
        self._function = function

    def __call__(self, request: Request, response: Response, **_path: str) -> None:
        response.status = self.set_status
        response.content_type = formats.JSON
        for requirement in self.requires:
            requirement(request=request)
        given = {name: find(request) for name, find in self._finders}
        response.data = formats.render(self._function(**given), response)


class Router(hug.http):  # type: ignore[misc]
    """Hug's decorator of a route, with the interface above."""

    def _create_interface(
        self, _api: Any, function: Any, catch_exceptions: bool = True
    ) -> tuple[Interface, Any]:
        return Interface(self.route, function, catch_exceptions), function
