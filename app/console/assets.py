"""Files that pages load: our own, and libraries out of their wheels; nothing comes from elsewhere.

An address names what is in the file, so a browser may keep it for good.
"""

import gzip
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

from app.errors import NotFound
from app.web.formats import Answer
from app.web.framework import Request
from app.web.routes import route

OWN = Path(__file__).with_name("static")
SCRIPT, STYLE = "text/javascript; charset=utf-8", "text/css; charset=utf-8"
KEPT = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}


@dataclass(frozen=True)
class Asset:
    path: Path
    media_type: str

    @cached_property
    def content(self) -> bytes:
        return self.path.read_bytes()

    @cached_property
    def packed(self) -> bytes:
        return gzip.compress(self.content, mtime=0)

    @cached_property
    def tag(self) -> str:
        return sha256(self.content).hexdigest()[:16]


def _of_wheel(package: str, path: str) -> Path:
    """Looked up without importing the package, of which nothing else is wanted."""
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / path


ASSETS = {
    "page.css": Asset(OWN / "page.css", STYLE),
    "docs.js": Asset(OWN / "docs.js", SCRIPT),
    "swagger-ui.css": Asset(_of_wheel("swagger_ui", "static/swagger-ui.css"), STYLE),
    "swagger-ui-bundle.js": Asset(_of_wheel("swagger_ui", "static/swagger-ui-bundle.js"), SCRIPT),
}


def address(name: str) -> str:
    return f"/assets/{ASSETS[name].tag}/{name}"


@route("GET", "/assets/{tag}/{asset}", scope="public", errors=(404,))
def get_asset(request: Request, tag: str, asset: str) -> Answer:
    """A file that a page loads."""
    found = ASSETS.get(asset)
    if found is None or found.tag != tag:
        raise NotFound("There is no such file: load the page anew")
    if "gzip" not in request.env.get("HTTP_ACCEPT_ENCODING", ""):
        return Answer(found.content, headers=KEPT, media_type=found.media_type)
    headers = {**KEPT, "Content-Encoding": "gzip"}
    return Answer(found.packed, headers=headers, media_type=found.media_type)
