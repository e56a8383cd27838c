"""Commands that talk to a running service."""

import gzip
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.service import Service, Tenant, free_port

HEAVY = ("httpx", "numpy", "pandas", "pydantic", "sklearn", "sqlalchemy", "psycopg", "redis")


def days(n: int) -> str:
    rows = [
        f"2024-{1 + h // 672:02d}-{1 + h // 24 % 28:02d}T{h % 24:02d}:00:00Z,"
        f"{100 + 50 * math.sin(h % 24 / 24 * math.tau) + h * 7 % 5:.1f}"
        for h in range(24 * n)
    ]
    return "timestamp,value\n" + "\n".join(rows) + "\n"


def test_history_from_a_pipe_is_learnt_and_an_absurd_point_is_found(tocsin: Any) -> None:
    assert (
        tocsin("upload", "rides", "-", "--create", "--json", stdin=days(28)).data["stored"] == 672
    )
    assert tocsin("train", "rides", "--json").data["status"] == "succeeded"
    scores = tocsin("score", "rides", "2024-02-01T00:00Z,102", "2024-02-01T01:00Z,9000", "--json")
    assert [score["is_anomaly"] for score in scores.data] == [False, True]
    newest = tocsin("anomalies", "rides", "--json").data[0]
    assert (newest["timestamp"], newest["value"]) == ("2024-02-01T01:00:00Z", 9000)


def test_events_are_listed_as_long_as_they_go_on_and_after(tocsin: Any) -> None:
    tocsin("upload", "rides", "-", "--create", stdin=days(2))  # too few to be trained on meanwhile
    tocsin("score", "rides", "2024-02-01T00:00Z,9e6", "2024-02-01T01:00Z,9e9")
    (event,) = tocsin("events", "rides", "--open", "--json").data
    assert (event["start"], event["end"], event["points"]) == ("2024-02-01T00:00:00Z", None, 2)
    assert tocsin("events", "--json").data == [event]
    assert tocsin("events", "--over", "--json").data == []
    assert tocsin("events", "--to", event["start"], "--json").data == []
    shown = tocsin("events").out
    assert event["id"] in shown
    assert " open " in shown
    assert tocsin("events", "absent").code == 1


def test_points_to_score_come_from_a_file_or_a_pipe_alike(tocsin: Any, tmp_path: Path) -> None:
    tocsin("upload", "rides", "-", "--create", stdin=days(3))
    rows = "timestamp,value\n2024-02-01T00:00Z,100\n2024-02-01T01:00Z,\n"
    file = tmp_path / "new.csv"
    file.write_text(rows)
    of_file = tocsin("score", "rides", "--file", str(file), "--json").data
    assert [score["value"] for score in of_file] == [100, None]
    assert tocsin("score", "rides", "--json", stdin=rows).data == of_file


def test_a_conflict_is_named_by_its_time_and_the_other_points_are_scored(tocsin: Any) -> None:
    tocsin("upload", "rides", "-", "--create", stdin=days(3))
    tocsin("score", "rides", "2024-02-01T00:00Z,100")
    run = tocsin("score", "rides", "2024-02-01T00:00Z,101", "2024-02-01T01:00Z,99", "--json")
    assert run.code == 1
    assert run.said.startswith("2024-02-01T00:00:00Z: ")
    assert [score["value"] for score in json.loads(run.out)] == [99]


def test_a_gzipped_file_of_several_fields_makes_a_series_of_them(
    tocsin: Any, tmp_path: Path
) -> None:
    file = tmp_path / "history.csv.gz"
    file.write_bytes(gzip.compress(b"at;temperature;pressure\n2024-01-01;1.5;2\n"))
    run = tocsin("upload", "multi", str(file), "--create", "--timestamp-column", "at", "--json")
    assert run.data["stored"] == 1
    shown = tocsin("series", "show", "multi", "--json").data
    assert shown["fields"] == ["temperature", "pressure"]


def test_bad_rows_are_named_by_line_and_nothing_is_stored(tocsin: Any) -> None:
    bad = "timestamp,value\n2024-01-01,1\nyesterday,2\n2024-01-02,many\n"
    run = tocsin("upload", "rides", "-", "--create", "--json", stdin=bad)
    assert (run.code, run.out) == (1, "")
    assert "line 3, timestamp: " in run.said
    assert "line 4, value: " in run.said
    assert tocsin("series", "show", "rides").code == 1
    run = tocsin("upload", "rides", "-", "--create", "--skip-bad-rows", "--json", stdin=bad)
    assert run.data["stored"] == 1


def test_exit_codes_tell_a_refusal_from_wrong_usage_and_from_an_absent_service(
    tocsin: Any,
) -> None:
    assert tocsin("series", "show", "nothing").code == 1
    assert tocsin("series", "list", TOCSIN_API_KEY="tcs_wrong").code == 1
    assert tocsin("series", "unheard-of").code == 2
    assert tocsin("upload", "rides", "no-such-file.csv").code == 2
    assert tocsin("score", "rides", "2024-01-01,many", TOCSIN_URL="http://host:port").code == 2
    assert tocsin("series", "list", TOCSIN_URL=f"http://127.0.0.1:{free_port()}").code == 3


@pytest.mark.parametrize("stored", ["api_key", "operator_key"])
def test_a_stored_key_is_used_at_its_own_address_and_sent_to_no_other(
    stored: str, tocsin: Any, service: Service, tenant: Tenant
) -> None:
    del tocsin.environment["TOCSIN_URL"], tocsin.environment["TOCSIN_API_KEY"]
    keys = {"api_key": tenant.key, "operator_key": service.operator_key}
    content = {"url": service.url, stored: keys[stored]}
    (tocsin.data_dir / "credentials.json").write_text(json.dumps(content))
    words = ("tenants", "list") if stored == "operator_key" else ("series", "list")
    assert tocsin(*words).code == 0
    elsewhere = tocsin(*words, TOCSIN_URL=f"http://localhost:{free_port()}")
    assert elsewhere.code == 2
    assert "TOCSIN_API_KEY" in elsewhere.said


def test_an_operator_makes_suspends_and_erases_a_tenant(operator: Any) -> None:
    made = operator("tenants", "create", "acme", "--json").data
    key = {"TOCSIN_API_KEY": made["api_key"]["secret"]}
    assert operator("series", "create", "rides", **key).code == 0
    operator("tenants", "suspend", "acme")
    assert "suspended" in operator("series", "list", **key).said
    operator("tenants", "resume", "acme")
    assert operator("series", "list", "--json", **key).data[0]["name"] == "rides"
    assert operator("tenants", "delete", "acme", stdin="another\n").code == 2
    assert operator("tenants", "delete", "acme", "--yes", "--json").data["status"] == "succeeded"
    assert operator("series", "list", **key).code == 1
    assert operator("tenants", "suspend", "acme").code == 1


def test_a_key_that_is_made_for_reading_cannot_write(tocsin: Any) -> None:
    made = tocsin("keys", "create", "dashboard", "--scope", "read", "--json").data
    tocsin("series", "create", "rides")
    key = {"TOCSIN_API_KEY": made["secret"]}
    assert tocsin("series", "show", "rides", **key).code == 0
    assert "scope" in tocsin("train", "rides", **key).said
    assert tocsin("keys", "revoke", made["id"]).code == 0
    assert tocsin("series", "list", **key).code == 1


def test_a_rotated_key_has_a_new_secret_and_the_old_one_a_grace(tocsin: Any) -> None:
    made = tocsin(
        "keys", "create", "shop", "--scope", "read", "--expires", "2200-01-01T00:00:00Z", "--json"
    ).data
    assert made["expires_at"] == "2200-01-01T00:00:00Z"
    run = tocsin("keys", "rotate", made["id"], "--grace", "1h")
    assert "the one before works until" in run.said
    for secret in (made["secret"], run.out.strip()):
        assert tocsin("series", "list", TOCSIN_API_KEY=secret).code == 0
    newest = tocsin("keys", "rotate", made["id"], "--json").data["secret"]
    assert tocsin("series", "list", TOCSIN_API_KEY=newest).code == 0
    assert tocsin("series", "list", TOCSIN_API_KEY=run.out.strip()).code == 1
    for grace in ("tomorrow", "1.5h", "-1", "", "31d", "h"):
        assert tocsin("keys", "rotate", made["id"], f"--grace={grace}").code == 2


def test_a_stored_key_that_is_rotated_is_stored_anew(
    tocsin: Any, service: Service, tenant: Tenant
) -> None:
    del tocsin.environment["TOCSIN_URL"], tocsin.environment["TOCSIN_API_KEY"]
    file = tocsin.data_dir / "credentials.json"
    before = {
        "url": service.url,
        "api_key": tenant.key,
        "operator_key": service.operator_key,
        "tenant": "mine",
    }
    file.write_text(json.dumps(before))
    mine = tenant.http.get("/v1/me").json()["key"]["id"]
    run = tocsin("keys", "rotate", mine)
    assert str(file) in run.said
    after = json.loads(file.read_text())
    assert after == before | {"api_key": run.out.strip()} != before
    assert file.stat().st_mode & 0o077 == 0
    assert tocsin("series", "list").code == 0
    other = tocsin("keys", "create", "--json").data["id"]
    assert str(file) not in tocsin("keys", "rotate", other).said
    assert json.loads(file.read_text()) == after

    database = {name: text for name, text in service.environment.items() if "DATA_DIR" not in name}
    made = tocsin("keys", "create", "--operator", "--json", **database).data
    file.write_text(json.dumps(after | {"operator_key": made["secret"]}))
    new = tocsin("keys", "rotate", made["id"], "--operator", "--json", **database).data["secret"]
    assert json.loads(file.read_text()) == after | {"operator_key": new}


def test_the_operator_reads_who_did_what(operator: Any, tenant: Tenant) -> None:
    tenant.make_series("rides")
    entries = operator("audit", "--tenant", tenant.slug, "--limit", "1", "--json").data
    assert [entry["action"] for entry in entries] == ["series.created"]
    shown = operator("audit", "--tenant", tenant.slug, "--action", "series.created").out
    for part in (tenant.slug, "rides", "127.0.0.1", f"key {entries[0]['actor']}"):
        assert part in shown
    assert operator("audit", "--action", "key.stolen").code == 1
    assert operator("audit", TOCSIN_API_KEY=tenant.key).code == 1


def test_who_reaches_the_database_makes_operator_keys_and_revokes_them(
    tocsin: Any, service: Service
) -> None:
    database = {name: text for name, text in service.environment.items() if "TOCSIN" in name}
    first = tocsin("keys", "create", "spare", "--operator", "--json", **database).data
    made = tocsin("keys", "rotate", first["id"], "--operator", "--json", **database).data
    assert tocsin("anomalies", "--all-tenants", TOCSIN_API_KEY=first["secret"]).code == 1
    key = {"TOCSIN_API_KEY": made["secret"]}
    assert tocsin("anomalies", "--all-tenants", "--json", **key).code == 0
    acts = tocsin("audit", "--action", "key.rotated", "--json", **key).data
    assert [act["actor_kind"] for act in acts if act["subject"] == made["id"]] == ["cli"]
    assert tocsin("keys", "revoke", made["id"], "--operator", **database).code == 0
    assert tocsin("anomalies", "--all-tenants", "--json", **key).code == 1


def test_asking_for_help_loads_nothing_heavy() -> None:
    code = f"import sys, app.cli.main; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_refused_upload_leaves_no_series_that_it_made(tocsin: Any) -> None:
    run = tocsin("upload", "typo", "-", "--create", stdin="timestamp,value\n2024-01-01,x\n")
    assert run.code == 1
    assert "typo" not in tocsin("series", "list", "--json").out
