"""Telling others: events for SPs and billing."""

from app.web.examples.example import MSISDN, Example

_EVENT = "019caae3-6a10-7b52-8f11-0c4d2e6f7a03"

EXAMPLES = {
    "get /api/v1/events": Example(
        parameters={"after": _EVENT, "receiver": "sp:XINHUA", "status": "dead", "limit": 100},
        answers={
            "200": {
                "events": [
                    {
                        "id": "019caae3-6a77-7c10-9a01-3f5a1b2c4d05",
                        "receiver": "sp:XINHUA",
                        "type": "subscription.unsubscribed",
                        "timestamp": "2026-03-02T10:00:00+08:00",
                        "data": {"msisdn": MSISDN, "service_code": "SJB", "action": 2, "reason": 1, "access_mode": 3},
                        "status": "dead",
                        "attempts": 81,
                        "acknowledged_at": None,
                        "error": "HTTP 503",
                    }
                ],
                "next_cursor": None,
            }
        },
    ),
    "post /api/v1/events/{event_id}/retry": Example(
        parameters={"event_id": _EVENT},
        answers={"202": {"id": _EVENT, "status": "pending"}},
        may_be_missing=True,
    ),
}
