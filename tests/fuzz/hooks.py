"""What schemathesis loads beside the document: good uploads, and rules that no schema can say."""

import json
import re
from typing import Any

import schemathesis
from hypothesis import strategies as st
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

# Fields whose rule is more than a schema can tell, and what that is. A request that fits the
# document may be refused over one of these, and over nothing else.
BEYOND_A_SCHEMA = {
    r"cursor": "only what the server gave",
    r"confirm": "the slug in the path",
    r"url": "an address that may be called",
    r"from|to|since|(points\[\d+\]\.)?timestamp|expires_at": "days of the calendar, microseconds",
    r"(detector\.)?timezone|quiet_hours\.time_zone": "names of the time zone database",
    r"quiet_hours": "from and to are not the same",
    r"(detector\.)?(interval|season)(\[\d+\])?": "more than nothing, 36 years at most",
    r"points\[\d+\](\.value.*)?": "the fields that the series has",
    r"fields": "not timestamp and not series",
}
CODES_BEYOND_A_SCHEMA = {"idempotency_key_reused"}
TOO_FEW_POINTS = {"have", "need"}
OTHER_FIELDS = re.compile("has no field|a column of this name is missing|there is no series")

FORM = "application/x-www-form-urlencoded"
TIMES = st.integers(0, 1_000_000).map(lambda minute: 1_700_000_000 + 60 * minute)
VALUES = st.floats(allow_nan=False, allow_infinity=False)


def lines(rows: list[tuple[int, float]]) -> str:
    return "timestamp,value\n" + "".join(f"{time},{value}\n" for time, value in rows)


def objects(rows: list[tuple[int, float]]) -> str:
    return "".join(json.dumps({"timestamp": time, "value": value}) + "\n" for time, value in rows)


ROWS = st.lists(st.tuples(TIMES, VALUES), min_size=1, max_size=20)
schemathesis.openapi.media_type("text/csv", ROWS.map(lines).map(str.encode))
schemathesis.openapi.media_type("application/x-ndjson", ROWS.map(objects).map(str.encode))


def acceptance(ctx: Any, response: Any, case: Any) -> bool | None:
    """As `positive_data_acceptance`, but for what the document cannot say."""
    if response.status_code == 422 and is_beyond_a_schema(response.json(), case):
        return None
    if response.status_code == 400 and response.json().get("errorType") == "bad_data":
        return None  # times, durations and queries are texts of a language of their own
    if response.status_code == 411 and case.media_type == FORM:
        return None  # an empty form is sent without its length
    found: bool | None = positive_data_acceptance(ctx, response, case)
    return found


def rejection(ctx: Any, response: Any, case: Any) -> bool | None:
    """As `negative_data_rejection`, but where who uploads asks to have bad rows left out."""
    if response.status_code == 200 and (case.query or {}).get("on_error") == "skip":
        return None
    found: bool | None = negative_data_rejection(ctx, response, case)
    return found


def is_beyond_a_schema(problem: dict[str, Any], case: Any) -> bool:
    if problem["code"] in CODES_BEYOND_A_SCHEMA or problem.keys() >= TOO_FEW_POINTS:
        return True
    if case.media_type in ("text/csv", "application/x-ndjson"):
        return True
    errors = problem.get("errors", [])
    rules = "|".join(f"(?:{rule})" for rule in BEYOND_A_SCHEMA)
    return bool(errors) and all(
        OTHER_FIELDS.search(one["message"])
        or re.fullmatch(rules, one.get("field") or one.get("column") or "")
        for one in errors
    )


schemathesis.check(acceptance)
schemathesis.check(rejection)
