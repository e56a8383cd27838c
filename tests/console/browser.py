"""A browser that looks at the console as somebody does."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

SCREENSHOTS = Path(__file__).parents[2] / "screenshots"
LONG_MS = 60_000


@dataclass
class Viewer:
    """`wrong`: what the browser's own console complained of."""

    page: Page
    url: str
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(LONG_MS)
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("console", self._note)

    def _note(self, message: Any) -> None:
        is_answer = message.text.startswith("Failed to load resource")  # a status of 400 and more
        if message.type == "error" and not is_answer:
            self.wrong.append(message.text)

    def sign_in(self, key: str, path: str = "/") -> None:
        self.page.goto(f"{self.url}{path}")
        self.page.get_by_label("API key").fill(key)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.get_by_role("button", name="Sign out").wait_for()

    def open(self, path: str) -> None:
        self.page.goto(f"{self.url}{path}")
        self.page.get_by_role("button", name="Sign out").wait_for()

    def chart(self) -> dict[str, int]:
        """How many points and anomalies are drawn, once they are."""
        drawn = self.page.locator("#chart[data-points]")
        drawn.wait_for()
        return {
            name: int(drawn.get_attribute(f"data-{name}") or 0) for name in ("points", "anomalies")
        }

    def wait_for_chart(self, condition: str) -> None:
        """Until the chart's data fulfil a condition, such as `points < 100`."""
        drawn = "document.getElementById('chart')?.dataset ?? {}"
        script = f"() => {{ const {{ points, anomalies }} = {drawn}; return {condition}; }}"
        self.page.wait_for_function(script)

    def keep(self, name: str) -> None:
        SCREENSHOTS.mkdir(exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)
