"""One example of each body and answer, as the OpenAPI document shows them."""

from typing import Any

from pydantic import ConfigDict

TIME, LATER, MADE = "2015-02-01T00:30:00Z", "2015-02-01T01:00:00Z", "2026-11-29T12:00:00.5Z"
JOB_ID = "01890a5d-ac96-774b-bcce-b302099a8057"
EVENT_ID = "01HKF0T8M0ABCDEFGHJKMNPQRS"
KEY_ID = "0123456789ABCDEF"
REASON = "90 is far below what was expected: 17,100, usually between 14,700 and 19,500"

POINT = {"timestamp": TIME, "value": 90}
POINT_OF_SERIES = {**POINT, "series": "rides"}
POINTS = {"points": [POINT, {"timestamp": LATER, "value": 16_400}]}
POINTS_OF_SERIES = {
    "points": [POINT_OF_SERIES, {"timestamp": TIME, "value": 0.71, "series": "cpu"}]
}
DETECTOR = {"season": ["1d", "7d"], "timezone": "America/New_York"}
TRAINING = {"detector": DETECTOR}
NEW_SERIES = {
    "name": "rides",
    "description": "Taxi rides in half an hour",
    "tags": ["city"],
    "fields": ["value"],
    "retrain": "auto",
}
SERIES_CHANGES = {"retrain": "7d", "retention_days": 365}
NEW_TENANT = {"slug": "acme", "name": "Acme", "limits": {"requests_per_s": 500}}
TENANT_CHANGES = {"limits": {"series": 2_000, "points_per_day": None}}
NEW_KEY = {"name": "uploads", "scopes": ["write"], "expires_at": "2027-11-29T00:00:00Z"}
ROTATION = {"grace_seconds": 3_600}

KEY = {
    "id": KEY_ID,
    "name": "uploads",
    "scopes": ["write"],
    "created_at": MADE,
    "expires_at": None,
    "revoked_at": None,
    "last_used_at": None,
    "previous_until": None,
}
SHOWN_KEY = {**KEY, "secret": f"tcs_{KEY_ID}_…"}
TENANT = {
    "slug": "acme",
    "name": "Acme",
    "status": "active",
    "limits": {
        "requests_per_s": 500,
        "points_per_day": None,
        "series": None,
        "stored_points": None,
        "upload_bytes": None,
        "concurrent_trainings": None,
        "model_versions": None,
    },
    "created_at": MADE,
}
MADE_TENANT = {**TENANT, "api_key": SHOWN_KEY}
STORED_USE = {"series": 12, "stored_points": 1_204_311, "points_per_day": 17_280}
TENANT_IN_USE = {**TENANT, "use": STORED_USE}
USE = {**STORED_USE, "concurrent_trainings": 0, "model_versions": 4}
ME = {"tenant": TENANT, "key": KEY, "use": USE}
SERIES = {
    "name": "rides",
    "description": "Taxi rides in half an hour",
    "fields": ["value"],
    "tags": ["city"],
    "detector": DETECTOR,
    "retrain": "auto",
    "retention_days": None,
    "status": "ready",
    "points": 10_320,
    "first_timestamp": "2014-07-01T00:00:00Z",
    "last_timestamp": TIME,
    "model_version": 1,
    "created_at": MADE,
    "updated_at": MADE,
}
JOB = {
    "id": JOB_ID,
    "kind": "train",
    "subject": "rides",
    "status": "running",
    "progress": 0.6,
    "attempt": 1,
    "error": None,
    "model_version": None,
    "created_at": MADE,
    "started_at": MADE,
    "finished_at": None,
}
MODEL = {
    "version": 1,
    "is_active": True,
    "points": 10_320,
    "from_timestamp": "2014-07-01T00:00:00Z",
    "to_timestamp": "2015-01-31T23:30:00Z",
    "settings": DETECTOR,
    "threshold": 0.9995,
    "seconds": 2.1,
    "created_at": MADE,
}
SESSION = {
    "tenant": "acme",
    "tenant_name": "Acme",
    "is_operator": False,
    "key": {"id": KEY_ID, "name": "console", "scopes": ["admin"]},
    "csrf_token": "4f0c9a72",  # nosec B105 - an example
    "ends_at": MADE,
}
WATCHED = {**SERIES, "recent": [16_900.0, 17_020.0, 39_197.0], "last_value": 39_197.0}
WATCHED |= {"open_event": EVENT_ID}
CHART = {
    "series": "rides",
    "field": "value",
    "from": TIME,
    "to": "2014-11-02T02:00:00Z",
    "part_s": None,
    "is_sampled": False,
    "timestamps": [1_414_890_000_000],
    "least": [39_197.0],
    "greatest": [39_197.0],
    "expected": [17_100.0],
    "lower": [14_700.0],
    "upper": [19_500.0],
    "anomalies": [
        {
            "timestamp": TIME,
            "value": 39_197.0,
            "score": 0.99996,
            "alert": True,
            "event": EVENT_ID,
            "reason": REASON,
            "points": 1,
        }
    ],
}
PREVIEW = {
    "columns": ["value"],
    "received": 1,
    "rows": [{"row": 2, "timestamp": TIME, "values": [39_197.0]}],
    "errors": [],
}
UPLOAD = {
    "received": 10_320,
    "stored": 10_320,
    "duplicates": 0,
    "replaced": 0,
    "rejected": 0,
    "errors": [],
    "job": JOB_ID,
}
ERASED = {"erased": 48}
SCORE = {
    **POINT,
    "score": 0.99996,
    "is_anomaly": True,
    "alert": True,
    "event": EVENT_ID,
    "threshold": 0.9995,
    "expected": 17_100.0,
    "lower": 14_700.0,
    "upper": 19_500.0,
    "reason": REASON,
    "contributions": None,
    "model_version": 1,
    "backfilled": False,
}
SERIES_SCORE = {**SCORE, "series": "rides"}
TENANT_SCORE = {**SERIES_SCORE, "tenant": "acme"}
FEEDBACK_GIVEN = {"label": "normal", "note": "Marathon: the streets were closed"}
FEEDBACK = {**FEEDBACK_GIVEN, "by": KEY_ID, "at": MADE}
PLACED_FEEDBACK = {**FEEDBACK, "timestamp": TIME, "event": EVENT_ID}
ANOMALY = {**SCORE, "anomaly_detected": True, "feedback": None}
POINT_ERROR = {
    "field": "points[1]",
    "code": "conflict",
    "message": "There is a point of this time with another value; on_conflict=replace replaces it",
}
SCORES = {"data": [SCORE], "errors": [POINT_ERROR]}
SERIES_SCORES = {"data": [SERIES_SCORE], "errors": [POINT_ERROR]}
DETECTED = {"data": [SCORE]}
EVENT = {
    "id": EVENT_ID,
    "series": "rides",
    "start": TIME,
    "end": None,
    "peak": {"timestamp": TIME, "score": 0.99996},
    "points": 1,
    "reason": REASON,
    "feedback": FEEDBACK,
    "model_version": 1,
}
AUDIT = {
    "id": "1042",
    "at": MADE,
    "action": "key.created",
    "tenant": "acme",
    "tenant_id": "01890a5d-ac96-774b-bcce-b302099a8058",
    "actor_kind": "key",
    "actor": KEY_ID,
    "subject": KEY_ID,
    "subject_name": None,
    "from_address": "203.0.113.7",
    "request_id": "eae25dd79ed92eb9",
    "details": {"scopes": ["write"]},
}
PLOTTED = {
    "status": "success",
    "data": {
        "resultType": "matrix",
        "result": [
            {
                "metric": {"__name__": "tocsin_value", "series": "rides"},
                "values": [[1_422_750_600, "90"], [1_422_752_400, "16400"]],
            }
        ],
    },
}
OVERVIEW = {
    "tenants": 3,
    "series": 412,
    "points": 20_114_000,
    "models": 1_270,
    "jobs_queued": 0,
    "jobs_running": 2,
    "jobs_failed_24h": 0,
    "queue_depth": 0,
    "workers": 2,
}


def shown_as(example: dict[str, Any]) -> ConfigDict:
    """A model's configuration, beside that of its base."""
    return ConfigDict(json_schema_extra={"examples": [example]})
