"""The console in a real browser: how long until what somebody came for is there to be seen.

One Chromium, signed in; each page was open once before, so that its files are in the browser's
cache, as they are on any other day than the first.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from benchmarks.service import seeding, uploading
from benchmarks.service.figures import Figure, Reach
from benchmarks.service.scene import Scene
from benchmarks.service.timing import quantile_ms, seconds

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROUNDS = 20
SERIES = 60  # as many as the page of all series shows at once
POINTS = 100_000
LONG_MS = 60_000
PAGES: Mapping[str, tuple[str, str]] = {  # by what is looked for there
    "all series": ("/", "ul.cards > li"),
    "events": ("/events", "tr[data-event], p:text('No such events.')"),
    "upload": ("/upload", "input[type=file]"),
}


def figures(scene: Scene) -> Iterator[Figure]:
    seeding.seeded(scene, min(SERIES, scene.scale.series))
    _charted(scene)
    with _browser() as page:
        _sign_in(page, scene)
        for name, (path, wanted) in PAGES.items():
            yield _opened(page, f"{scene.installation.url}{path}", wanted, name, 300)
        chart = f"{scene.installation.url}/series/charted"
        name = f"a series, its chart of {POINTS:,} points"
        yield _opened(page, chart, "#chart[data-points]", name, 1000)


def _charted(scene: Scene) -> None:
    """A series with a model, and as many points."""
    http = scene.installation.http
    http.post("/v1/series", json={"name": "charted", "retrain": "manual"})
    csv, form = uploading.written(POINTS), {"Content-Type": "text/csv"}
    http.post("/v1/series/charted/points", content=csv, headers=form).raise_for_status()
    seeding.trained(scene.installation, ["charted"])


@contextmanager
def _browser() -> Iterator[Page]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = launched.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(LONG_MS)
        yield page
        launched.close()


def _sign_in(page: Page, scene: Scene) -> None:
    page.goto(scene.installation.url)
    page.get_by_label("API key").fill(scene.installation.key)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Sign out").wait_for()


def _opened(page: Page, url: str, wanted: str, name: str, most_ms: float) -> Figure:
    def look() -> None:
        page.goto(url, wait_until="commit")
        page.locator(wanted).first.wait_for(state="attached")

    look()
    took = [seconds(look) for _ in range(ROUNDS)]
    half, most = quantile_ms(took, 0.5), quantile_ms(took, 0.99)
    reach = Reach(most=most_ms, unit="ms")
    return Figure(f"browser: {name}", half, "ms", None, reach, half, most)
