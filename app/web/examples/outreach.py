"""Examples for events, campaigns, consents and reports."""

from app.web.examples.example import MSISDN, Example

_EVENT = "1858489345896349696"

_CAMPAIGN = "1858489346198339584"
_PROGRESS = {
    "id": _CAMPAIGN,
    "class": "care",
    "text": "祝您节日快乐",
    "segment": None,
    "who": "api:staff",
    "made_at": "2026-03-02T10:00:00+08:00",
    "done_at": "2026-03-02T10:00:02+08:00",
    "counts": {
        "waiting": 0,
        "queued": 12,
        "held": 0,
        "sent": 970,
        "failed": 3,
        "recalled": 0,
        "skipped": {"monthly_cap": 15},
    },
}

_REPORT = {
    "sp_code": "XINHUA",
    "short_name": "新华",
    "orders": 120,
    "confirmations": 97,
    "declines": 11,
    "expiries": 12,
    "unsubscribes": 40,
    "within_72h_share": 0.1,
    "disputes": 3,
    "upheld": 1,
    "refunds": 2,
    "complaints": 1,
}

_CONSENT = {
    "msisdn": MSISDN,
    "marketing": "given",
    "source": "营业厅签字",
    "given_at": "2026-03-02T10:00:00+08:00",
    "withdrawn_at": None,
}

EXAMPLES = {
    "get /api/v1/reports/service-providers": Example(
        parameters={"from": "2026-03-01", "to": "2026-03-31", "format": "json", "accept": "application/json"},
        answers={
            "200": {"service_providers": [_REPORT], "next_cursor": None},
            "200 text/csv": f"{','.join(_REPORT)}\r\n{','.join(map(str, _REPORT.values()))}\r\n",
        },
    ),
    "get /api/v1/events": Example(
        parameters={"after": _EVENT, "receiver": "sp:XINHUA", "status": "dead", "limit": 100},
        answers={
            "200": {
                "events": [
                    {
                        "id": "1858489346004353024",
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
        parameters={"event_id": _EVENT, "X-Reason": "the receiver is back"},
        answers={"202": {"id": _EVENT, "status": "pending"}},
        may_be_missing=True,
    ),
    "post /api/v1/campaigns": Example(
        bodies={
            "greetings to some": {"class": "care", "text": "祝您节日快乐", "msisdns": ["13800138000"]},
            "an offer to a segment": {
                "class": "marketing",
                "text": "全球通新套餐流量翻倍",
                "segment": {"brand": "gotone", "vip": True, "payment": "postpaid"},
            },
        },
        answers={"202": {"id": _CAMPAIGN}},
    ),
    "get /api/v1/campaigns": Example(answers={"200": {"campaigns": [_PROGRESS], "next_cursor": None}}),
    "get /api/v1/campaigns/{campaign_id}": Example(
        parameters={"campaign_id": _CAMPAIGN}, answers={"200": _PROGRESS}, may_be_missing=True
    ),
    "put /api/v1/subscribers/{msisdn}/consents/marketing": Example(
        parameters={"msisdn": MSISDN},
        bodies={"signed in a shop": {"source": "营业厅签字"}},
        answers={"200": _CONSENT, "201": _CONSENT},
    ),
    "get /api/v1/subscribers/{msisdn}/consents/marketing": Example(
        parameters={"msisdn": MSISDN, "X-Reason": "the customer asks why"},
        answers={"200": _CONSENT},
        may_be_missing=True,
    ),
    "delete /api/v1/subscribers/{msisdn}/consents/marketing": Example(
        parameters={"msisdn": MSISDN}, answers={"200": {"msisdn": MSISDN, "marketing": "withdrawn"}}
    ),
}
