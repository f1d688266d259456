"""Examples for charges and uses."""

from app.web.examples.example import MSISDN, Example

_ASKED = {
    "charge_id": "2026-03-000001",
    "msisdn": "13800138000",
    "service_code": "SJB",
    "kind": "monthly",
    "amount_fen": 300,
    "due_at": "2026-03-05T12:00:00+08:00",
}
_CHARGE = {
    **_ASKED,
    "msisdn": MSISDN,
    "period": "2026-03",
    "state": "announced",
    "asked_due_at": "2026-03-05T12:00:00+08:00",
    "announced_at": "2026-03-02T10:00:00+08:00",
}
REMINDED = {
    **_CHARGE,
    "state": "reminded",
    "reminded_at": "2026-03-02T10:00:01+08:00",
    "window_ends_at": "2026-03-02T11:00:01+08:00",
}
_USE = {"use_id": "2026-03-02-77", "service_code": "GS", "channel": "web", "at": "2026-03-02T10:00:00+08:00"}
_OF_USE = {
    "use_id": "2026-03-02-77",
    "charge": {
        "charge_id": "use-2026-03-02-77",
        "msisdn": MSISDN,
        "service_code": "GS",
        "kind": "per_use",
        "amount_fen": 250,
        "period": "2026-03",
        "state": "announced",
        "due_at": "2026-03-03T10:00:00+08:00",
        "asked_due_at": "2026-03-03T10:00:00+08:00",
        "announced_at": "2026-03-02T10:00:01+08:00",
        "channel": "web",
    },
}

EXAMPLES = {
    "post /api/v1/charges": Example(
        bodies={"a month's fee": _ASKED, "for a month": _ASKED | {"charge_id": "2026-02-000001", "period": "2026-02"}},
        answers={"202": _CHARGE, "200": _CHARGE},
    ),
    "post /api/v1/usage/per-use": Example(
        bodies={"a use": _USE | {"msisdn": "13800138000"}}, answers={"202": _OF_USE, "200": _OF_USE}
    ),
    "get /api/v1/charges": Example(
        parameters={"msisdn": MSISDN, "state": "reminded", "limit": 100},
        answers={"200": {"charges": [REMINDED], "next_cursor": None}},
    ),
    "get /api/v1/charges/{charge_id}": Example(
        parameters={"charge_id": "2026-03-000001"}, answers={"200": REMINDED}, may_be_missing=True
    ),
}
