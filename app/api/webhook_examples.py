"""The same of webhooks: one example of each body, answer and message."""

from app.api.examples import EVENT, EVENT_ID, JOB_ID, MADE

WEBHOOK_ID = "01890a5d-ac96-774b-bcce-b302099a8059"
DELIVERY_ID = "msg_01JDQ6M0R7ABCDEFGHJKMNPQRS"

QUIET_HOURS = {"from": "22:00", "to": "07:00", "time_zone": "Europe/Berlin"}
NEW_WEBHOOK = {
    "url": "https://example.com/tocsin",
    "description": "Pages whoever is on call",
    "types": ["event.opened", "event.closed"],
    "quiet_hours": QUIET_HOURS,
}
WEBHOOK_CHANGES = {"status": "enabled"}
WEBHOOK_ROTATION = {"grace_seconds": 86_400}
REPLAY = {"since": MADE}
REPLAYED = {"replayed": 12}
WEBHOOK = {
    "id": WEBHOOK_ID,
    **NEW_WEBHOOK,
    "status": "enabled",
    "disabled_reason": None,
    "disabled_at": None,
    "failing_since": None,
    "previous_until": None,
    "created_at": MADE,
    "updated_at": MADE,
}
SHOWN_WEBHOOK = {**WEBHOOK, "secret": "whsec_…"}  # nosec B105 - shows the form only
ATTEMPT = {
    "number": 1,
    "at": MADE,
    "status": 200,
    "error": None,
    "seconds": 0.084,
    "answer": "ok",
}
DELIVERY = {
    "id": DELIVERY_ID,
    "type": "event.opened",
    "status": "delivered",
    "attempt": 1,
    "created_at": MADE,
    "due_at": None,
    "ended_at": MADE,
    "last_attempt": ATTEMPT,
}
EVENT_DATA = {
    "series": "rides",
    "event": {name: value for name, value in EVENT.items() if name != "feedback"},
    "links": {"event": f"/v1/events/{EVENT_ID}", "series": "/v1/series/rides"},
}
TRAINING_DATA = {
    "series": "rides",
    "job": {"id": JOB_ID, "kind": "train", "attempt": 1, "error": "It went wrong"},
    "links": {"job": f"/v1/jobs/{JOB_ID}", "series": "/v1/series/rides"},
}
HOOK_LINKS = {"webhook": f"/v1/webhooks/{WEBHOOK_ID}"}
DISABLED_DATA = {
    "webhook": {"id": WEBHOOK_ID, "url": NEW_WEBHOOK["url"], "reason": "gone"},
    "links": HOOK_LINKS,
}
TEST_DATA = {"message": "Tocsin can reach this webhook", "links": HOOK_LINKS}
FULL_DELIVERY = {**DELIVERY, "data": EVENT_DATA, "attempts": [ATTEMPT]}
