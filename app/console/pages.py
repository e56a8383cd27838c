"""Pages for who comes with a browser: the console, and the routes to read and to try.

The console's pages are the same for everybody and know nothing of anybody: its scripts ask the API
as a session, and draw what it answers.
"""

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app import __version__
from app.console import assets
from app.web import openapi
from app.web.formats import Answer
from app.web.framework import Request
from app.web.routes import route

# Nothing inline, and nothing from elsewhere. Swagger UI has its icons in its style sheet. Plotly
# brings one of maps along, which no chart of ours has: it alone is let in, by its hash.
MAPS = "'sha256-ji27qzEtxXZW+7dun6UwjHXJ18e6WAin1VvNtkzIE/o='"
HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; script-src 'self'; style-src 'self' {MAPS}; "
    "img-src 'self' data:; connect-src 'self'; form-action 'none'; frame-ancestors 'none'; "
    "base-uri 'none'",
    "Referrer-Policy": "no-referrer",
}


@route("GET", "/", scope="public")
def get_start(request: Request) -> Answer:
    """The console: all series, or the installation for an operator."""
    return _console(request, "overview")


@route("GET", "/series/{series_name}", scope="public", errors=(404,))
def get_series_page(request: Request, series_name: str) -> Answer:
    """The console's page of a series."""
    return _console(request, "series", series=series_name)


@route("GET", "/events", scope="public")
def get_events_page(request: Request) -> Answer:
    """The console's page of events."""
    return _console(request, "events")


@route("GET", "/upload", scope="public")
def get_upload_page(request: Request) -> Answer:
    """The console's page to upload a CSV on."""
    return _console(request, "upload")


@route("GET", "/docs", scope="public")
def get_docs() -> Answer:
    """The routes, to read and to try."""
    return _page("docs.html", operations=_operations())


def _console(request: Request, page: str, **data: str) -> Answer:
    return _page(
        "console.html",
        url=request.prefix,
        version=__version__,
        title=data.get("series", page.title()),
        script=f"{page}.js",
        data={"page": page, **data},
    )


def _operations() -> list[dict[str, Any]]:
    return [
        {"method": method.upper(), "path": path, **operation}
        for path, operations in openapi.document()["paths"].items()
        for method, operation in operations.items()
    ]


def _page(template: str, **values: Any) -> Answer:
    html = _templates().get_template(template).render(values).encode()
    return Answer(html, headers=HEADERS, media_type="text/html; charset=utf-8")


@cache
def _templates() -> Environment:
    folder = Path(__file__).with_name("templates")
    made = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["asset"] = assets.address
    return made
