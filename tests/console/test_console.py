"""The console in a real browser: what a tenant looks at, and what he does there."""

from typing import Any

import pytest
from playwright.sync_api import FilePayload, expect

from tests.api.histories import at
from tests.console.browser import Viewer
from tests.service import Tenant, wait_until


def event_of(tenant: Tenant) -> Any:
    return tenant.http.get("/v1/events").json()["data"][0]


def test_the_overview_tells_what_there_is_and_what_goes_on(looking: Viewer) -> None:
    card = looking.page.locator(".card")
    expect(card).to_contain_text("rides")
    expect(card).to_contain_text("event")
    expect(card).to_contain_text("1,002 points")
    expect(looking.page.get_by_role("region", name="Open events")).to_contain_text("rides")
    looking.keep("overview")


def test_what_a_tenant_wrote_is_text(looking: Viewer) -> None:
    expect(looking.page.locator(".card")).to_contain_text("<img src=x onerror=alert(1)>")
    assert looking.page.locator(".card img").count() == 0


def test_the_chart_has_every_anomaly_and_zooming_loads_finer_data(looking: Viewer) -> None:
    looking.open("/series/rides")
    whole = looking.chart()
    assert whole["anomalies"] >= 2
    looking.keep("series")
    span = f"['{at(900)}', '{at(1002)}'].map((one) => new Date(one))"
    looking.page.evaluate(f"Plotly.relayout('chart', {{'xaxis.range': {span}}})")
    looking.wait_for_chart("points == 102")
    assert "from=" in looking.page.url
    looking.page.reload()
    looking.wait_for_chart("points == 102")
    looking.page.get_by_role("button", name="Whole span").click()
    looking.wait_for_chart(f"points == {whole['points']}")


def test_new_points_appear_by_themselves(looking: Viewer, watched: Tenant) -> None:
    looking.open("/series/rides")
    before = looking.chart()
    point = {"timestamp": at(1002), "value": 120.0}
    assert watched.http.post("/v1/series/rides/score", json=point).is_success
    expect(looking.page.locator("main")).to_contain_text("1,003 points")
    looking.wait_for_chart(f"points == {before['points'] + 1}")


def test_the_table_is_filtered_by_what_stands_in_the_address(looking: Viewer) -> None:
    looking.open("/series/rides?anomalies=no")
    rows = looking.page.get_by_role("region", name="Scores").get_by_role("row")
    expect(rows).to_have_count(51)  # the head, and a page
    looking.page.get_by_label("Anomalies only").check()
    assert "anomalies" not in looking.page.url
    expect(rows).not_to_have_count(51)
    expect(looking.page.locator("tr.is-anomaly").first).to_be_visible()


def test_scores_are_exported_as_csv(looking: Viewer) -> None:
    looking.open("/series/rides")
    with looking.page.expect_download() as begun:
        looking.page.get_by_role("button", name="Export CSV").click()
    text = begun.value.path().read_text()
    assert text.startswith("timestamp,value,score")
    assert begun.value.suggested_filename == "rides.csv"


def test_a_training_shows_how_far_it_is(looking: Viewer, watched: Tenant) -> None:
    looking.open("/series/rides")
    looking.page.get_by_role("button", name="Train").click()
    expect(looking.page.locator("main")).to_contain_text("Trained: model 2")
    assert watched.http.get("/v1/series/rides").json()["model_version"] == 2


def test_other_settings_are_tried_before_anything_is_saved(
    looking: Viewer, watched: Tenant
) -> None:
    looking.open("/series/rides")
    looking.chart()
    looking.page.get_by_text("Settings", exact=True).click()
    looking.page.get_by_label("Share of anomalies").fill("0.2")
    looking.page.get_by_role("button", name="Try other settings").click()
    expect(looking.page.locator("form.settings")).to_contain_text("Nothing is saved")
    looking.keep("settings")
    before = watched.http.get("/v1/series/rides").json()["detector"]
    assert "contamination" not in before
    looking.page.get_by_role("button", name="Save").click()
    wait_until(
        lambda: (
            watched.http.get("/v1/series/rides").json()["detector"]
            == {**before, "contamination": 0.2}
        ),
        "the setting is saved",
    )


def test_a_setting_that_cannot_be_is_told(looking: Viewer) -> None:
    looking.open("/series/rides")
    looking.page.get_by_text("Settings", exact=True).click()
    looking.page.get_by_label("Time zone").fill("Mars/Olympus")
    looking.page.get_by_role("button", name="Save").click()
    expect(looking.page.get_by_role("alert")).to_contain_text("timezone")


@pytest.mark.parametrize(("key", "label"), [("y", "anomaly"), ("n", "normal")])
def test_an_event_is_answered_with_one_key(
    looking: Viewer, watched: Tenant, key: str, label: str
) -> None:
    looking.open("/events")
    row = looking.page.locator("tr[data-event]").first
    expect(row).to_be_focused()
    looking.page.keyboard.press(key)
    expect(row.locator("button[aria-pressed=true]")).to_have_count(1)
    assert event_of(watched)["feedback"]["label"] == label
    looking.page.keyboard.press("u")
    expect(row.locator("button[aria-pressed=true]")).to_have_count(0)
    assert event_of(watched)["feedback"] is None


def test_an_event_is_answered_with_one_click_and_shown_in_the_chart(
    looking: Viewer, watched: Tenant
) -> None:
    looking.open("/events?series=rides&open=true")
    looking.page.get_by_role("button", name="Normal").first.click()
    expect(looking.page.locator("#said")).to_contain_text("Noted: normal")
    assert event_of(watched)["feedback"]["label"] == "normal"
    looking.keep("events")
    looking.open("/series/rides")
    looking.chart()
    expect(looking.page.locator("#chart .annotation-text").last).to_have_text("✗")


def choose(viewer: Viewer, name: str, text: str) -> None:
    file = FilePayload(name=name, mimeType="text/csv", buffer=text.encode())
    viewer.page.set_input_files("#file", file)


def test_a_csv_is_looked_at_mapped_and_stored(looking: Viewer, watched: Tenant) -> None:
    rows = "".join(f"2024-02-{1 + h // 24:02d} {h % 24:02d}:00;{h}\n" for h in range(100))
    looking.open("/upload")
    choose(looking, "shop orders.csv", f"when;orders\n{rows}")
    expect(looking.page.get_by_role("alert")).to_contain_text("timestamp")
    looking.page.get_by_label("Time", exact=True).select_option("when")
    preview = looking.page.get_by_role("region", name="How the first rows are read")
    expect(preview).to_contain_text("2024-02-01T00:00:00Z")
    looking.keep("upload")
    looking.page.get_by_role("button", name="Upload").click()
    expect(looking.page.locator("main")).to_contain_text("100 points stored")
    assert watched.http.get("/v1/series/shop-orders").json()["points"] == 100


def test_bad_rows_are_named_by_their_line_and_leave_nothing_behind(
    looking: Viewer, watched: Tenant
) -> None:
    text = "timestamp,value\n2024-02-01,1\n2024-02-02,many\n"
    looking.open("/upload?series=fresh")
    choose(looking, "x.csv", text)
    expect(looking.page.get_by_role("alert").first).to_contain_text("line 3")
    looking.page.get_by_role("button", name="Upload").click()
    expect(looking.page.get_by_role("alert").last).to_contain_text("nothing was stored")
    gone = "the series that was made for it is gone"
    wait_until(lambda: watched.http.get("/v1/series/fresh").status_code == 404, gone)
    looking.page.get_by_label("Leave out rows").check()
    looking.page.get_by_role("button", name="Upload").click()
    expect(looking.page.locator("main")).to_contain_text("1 points stored")
