"""What other people wrote reaches a terminal as text, and a pipe as data."""

import io
import json
from typing import Any

import httpx
import pytest
from rich.console import Console

from app.cli import main, output, runs
from app.cli.failures import ServiceRefused
from app.cli.steps import Steps
from app.errors import FieldError, Invalid
from tests.service import Tenant

CONTROLS = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))]
NASTY = "a\x1b]0;owned\x07\x9b31m\x7f\nb [bold]ä"
SPELLED = r"a\x1b]0;owned\x07\x9b31m\x7f\nb [bold]ä"


def controls_in(text: str) -> set[str]:
    return set(CONTROLS) & set(text) - {"\n"}


@pytest.mark.parametrize("control", CONTROLS)
def test_every_control_character_is_spelled_out(control: str) -> None:
    shown = output.visible(f"a{control}b")
    assert shown.isprintable()
    assert shown.encode().decode("unicode_escape") == f"a{control}b"


def test_what_is_none_stays_as_it_is() -> None:
    assert output.visible("näh — 数 [x] \\x1b") == "näh — 数 [x] \\x1b"


def test_cells_messages_and_steps_show_what_was_written(capsys: pytest.CaptureFixture[str]) -> None:
    output.table([NASTY], {"name": str})
    output.one({"name": NASTY, "tags": [NASTY]}, as_json=False)
    output.message(f"first: {NASTY}")
    Steps().note(NASTY)
    main.tell(ServiceRefused(404, {"detail": NASTY, "errors": [{"field": "f", "message": NASTY}]}))
    main.tell(Invalid("two\nlines", [FieldError("f", NASTY)]))
    told = "".join(capsys.readouterr())
    assert controls_in(told) == set()
    assert told.count(SPELLED) == 6 + 1  # a message has lines of its own
    assert "two\nlines" in told


def test_bars_and_runs_show_what_was_written() -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=200, color_system=None)
    with output.progress(console) as progress:
        progress.add_task(NASTY, total=2)
        progress.refresh()
    score = {"timestamp": "2024-01-01T00:00:00Z", "value": 1.0, "expected": 1.0, "score": 1.0}
    console.print(runs.drawn("runs", [[{**score, "reason": NASTY}]]))
    assert screen.getvalue().count(SPELLED) >= 2
    assert not {"\x07", "\x9b", "\x7f"} & set(screen.getvalue())  # the bar itself moves by ESC


def test_json_keeps_the_data_and_no_terminal_obeys_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output.data({"name": NASTY + "".join(CONTROLS)})
    written = capsys.readouterr().out
    assert controls_in(written) == set()
    assert json.loads(written) == {"name": NASTY + "".join(CONTROLS)}


def test_a_tenant_s_name_cannot_write_to_the_operator_s_terminal(
    operator: Any, tenant: Tenant
) -> None:
    with httpx.Client(
        base_url=operator.environment["TOCSIN_URL"],
        headers={"Authorization": f"Bearer {operator.environment['TOCSIN_API_KEY']}"},
    ) as client:
        client.patch(f"/v1/tenants/{tenant.slug}", json={"name": "\x1b[2Jgone\x9b"})
    shown = operator("tenants", "list").out
    assert r"\x1b[2Jgone\x9b" in shown
    assert controls_in(shown) == set()
    rows = operator("tenants", "list", "--json").data
    assert "\x1b[2Jgone\x9b" in [one["name"] for one in rows]
