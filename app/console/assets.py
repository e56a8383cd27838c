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
    tag: str

    @cached_property
    def content(self) -> bytes:
        return self.path.read_bytes()

    @cached_property
    def packed(self) -> bytes:
        return gzip.compress(self.content, compresslevel=6, mtime=0)


def _of_wheel(package: str, path: str) -> Path:
    """Looked up without importing the package, of which nothing else is wanted."""
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / path


def _own() -> dict[str, Asset]:
    kinds = {".css": STYLE, ".js": SCRIPT}
    # Modules name each other beside themselves, so all of ours have one tag: of all of them.
    paths = sorted(path for path in OWN.iterdir() if path.suffix in kinds)
    tag = _tag(b"".join(path.read_bytes() for path in paths))
    return {path.name: Asset(path, kinds[path.suffix], tag) for path in paths}


def _of_others(package: str, path: str, media_type: str) -> Asset:
    found = _of_wheel(package, path)
    return Asset(found, media_type, _tag(found.read_bytes()))


def _tag(content: bytes) -> str:
    return sha256(content).hexdigest()[:16]


ASSETS = {
    **_own(),
    "plotly.js": _of_others("plotly", "package_data/plotly.min.js", SCRIPT),
    "swagger-ui.css": _of_others("swagger_ui", "static/swagger-ui.css", STYLE),
    "swagger-ui-bundle.js": _of_others("swagger_ui", "static/swagger-ui-bundle.js", SCRIPT),
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
