"""Plain pages without script: what this is, where to begin, and which routes there are."""

from html import escape
from string import Template

from app import __version__
from app.web import openapi
from app.web.formats import Answer
from app.web.framework import Request
from app.web.routes import route

HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
PAGE = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
       color-scheme: light dark; }
code, pre { font: 14px/1.5 ui-monospace, monospace; }
pre { padding: 1rem; overflow-x: auto; border: 1px solid #8886; border-radius: 6px; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; padding: .3rem .6rem;
       border-bottom: 1px solid #8884; vertical-align: top; }
</style></head><body>$body</body></html>
""")
START = """<h1>Tocsin</h1>
<p>Anomaly detection for time series, version $version. This service is up.</p>
<ul>
<li><a href="/docs">Routes</a>, and the same as <a href="/openapi.json">OpenAPI</a></li>
<li><a href="/readyz">Ready?</a> · <a href="/metrics">Metrics</a></li>
</ul>
<h2>First steps</h2>
<pre>export KEY=tcs_…            # api_key in credentials.json
curl -H "Authorization: Bearer $$KEY" $url/v1/series
curl -H "Authorization: Bearer $$KEY" "$url/v1/anomalies?limit=5"
</pre>
"""


@route("GET", "/", scope="public")
def get_start(request: Request) -> Answer:
    """A page to begin from."""
    body = Template(START).substitute(version=escape(__version__), url=escape(request.prefix))
    return _page("Tocsin", body)


@route("GET", "/docs", scope="public")
def get_docs() -> Answer:
    """The routes, to read."""
    rows = [
        f"<tr><td><code>{method.upper()}</code></td><td><code>{escape(path)}</code></td>"
        f"<td>{escape(operation['summary'])}</td>"
        f"<td>{escape(operation.get('description', 'Open to all.'))}</td></tr>"
        for path, operations in openapi.document()["paths"].items()
        for method, operation in operations.items()
    ]
    head = "<tr><th>Method</th><th>Path</th><th>Does</th><th>Needs</th></tr>"
    body = "<h1>Routes</h1><p><a href='/'>Start</a> · <a href='/openapi.json'>OpenAPI</a></p>"
    return _page("Tocsin: routes", f"{body}<table>{head}{''.join(rows)}</table>")


def _page(title: str, body: str) -> Answer:
    html = PAGE.substitute(title=title, body=body).encode()
    return Answer(html, headers=HEADERS, media_type="text/html; charset=utf-8")
