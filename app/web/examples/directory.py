"""Examples for the directory that other systems maintain: SPs, services, subscribers and subscriptions."""

from app.web.examples.example import MSISDN, Example

_OWNER = {"msisdn": MSISDN}
_PLAN = {"name": "流量套餐", "data_kb": 102400, "overage_fen_per_mb": 29}
_SUBSCRIBER = {
    "brand": "easyown",
    "vip": False,
    "payment": "prepaid",
    "balance_fen": 3000,
    "points": 1200,
    "status": "active",
    "language": "zh",
    "plan": _PLAN,
}
_IMPORTED = {
    "state": "active",
    "in_plan": False,
    "started_at": "2025-06-01T09:00:00+08:00",
    "channel": "web",
    "price_fen": 500,
}
_HELD = {
    "service_code": "TQ",
    "state": "trial",
    "in_plan": False,
    "started_at": "2026-02-20T09:00:00+08:00",
    "trial_ends_at": "2026-03-12T09:00:00+08:00",
    "channel": "app",
    "price_fen": 200,
    "sp_code": "MOJI",
}

_NAMED = {"name": "体坛传媒", "short_name": "体坛", "service_phone": "4008100009", "own": False}
_SP = {"sp_code": "TITAN", **_NAMED, "webhook_url": "https://sp.example/events", "confirm_mode": None}
_OFFERED = {
    "name": "阅读包",
    "sp_code": "XINHUA",
    "billing": "monthly",
    "price_fen": 300,
    "cancel_effect": "month_end",
    "cancellable_by_sms": True,
    "order_keyword": "YDB",
    "on_offer": True,
    "trial_days": 7,
    "visible": True,
}
_SERVICE = {"service_code": "YDB", **_OFFERED, "cancel_how": None, "cancel_warning": None}
_ROW = {
    **_OWNER,
    **_SUBSCRIBER,
    "tenure": 1,
    "created_at": "2026-03-02T10:00:00+08:00",
    "closed_at": None,
    "has_service_password": True,
}
_CORRECTED = {
    **_OWNER,
    "service_code": "CL",
    "state": "active",
    "in_plan": False,
    "started_at": "2025-12-01T10:00:00+08:00",
    "channel": "web",
    "price_fen": 500,
    "sp_code": "CMCC",
    "kept": ["started_at"],
}

EXAMPLES = {
    "get /api/v1/service-providers": Example(
        parameters={"own": False, "limit": 100}, answers={"200": {"service_providers": [_SP], "next_cursor": None}}
    ),
    "get /api/v1/service-providers/{sp_code}": Example(
        parameters={"sp_code": "TITAN"}, answers={"200": _SP}, may_be_missing=True
    ),
    "get /api/v1/services": Example(
        parameters={"sp_code": "XINHUA", "on_offer": True, "limit": 100},
        answers={"200": {"services": [_SERVICE], "next_cursor": "YDB"}},
    ),
    "get /api/v1/services/{service_code}": Example(
        parameters={"service_code": "YDB"}, answers={"200": _SERVICE}, may_be_missing=True
    ),
    "get /api/v1/subscribers": Example(
        parameters={"brand": "easyown", "status": "active", "limit": 100, "X-Reason": "the list for the new brand"},
        answers={"200": {"subscribers": [_ROW], "next_cursor": None}},
    ),
    "post /api/v1/subscribers/{msisdn}/tenures/{tenure}/erasure": Example(
        parameters={**_OWNER, "tenure": 2, "X-Reason": "the former customer asked for it in writing"},
        answers={"200": {**_OWNER, "status": "erased"}},
        may_be_missing=True,
    ),
    "post /api/v1/imports": Example(
        parameters={"type": "subscriber"},
        answers={"200": {"lines": 0, "imported": 0, "failed": 0, "errors": [], "kept": {}}},
    ),
    "put /api/v1/service-providers/{sp_code}": Example(
        parameters={"sp_code": "TITAN"},
        bodies={
            "an SP": _NAMED,
            "with a webhook": {
                **_NAMED,
                "webhook_url": "https://sp.example/events",
                "webhook_secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            },
        },
        answers={"200": _SP, "201": _SP},
    ),
    "put /api/v1/services/{service_code}": Example(
        parameters={"service_code": "YDB"},
        bodies={"a monthly service": _OFFERED},
        answers={"200": _SERVICE, "201": _SERVICE},
    ),
    "put /api/v1/subscribers/{msisdn}": Example(
        parameters=_OWNER,
        bodies={"a subscriber": _SUBSCRIBER, "with a service password": _SUBSCRIBER | {"service_password": "135790"}},
        answers={"200": _ROW, "201": _ROW},
    ),
    "patch /api/v1/subscribers/{msisdn}": Example(
        parameters=_OWNER,
        bodies={"a top-up": {"balance_fen": 8000}, "English, please": {"language": "en"}},
        answers={"200": _ROW | {"balance_fen": 8000}},
    ),
    "get /api/v1/subscribers/{msisdn}": Example(
        parameters=_OWNER | {"X-Reason": "the customer is on the phone"},
        answers={
            "200": {
                **_ROW,
                "preferences": {"fee_summary": False, "data_alerts": False},
            }
        },
    ),
    "put /api/v1/subscribers/{msisdn}/subscriptions/{service_code}": Example(
        parameters=_OWNER | {"service_code": "CL"},
        bodies={"a service of another system": _IMPORTED},
        answers={"200": _CORRECTED, "201": _CORRECTED},
    ),
    "get /api/v1/subscribers/{msisdn}/subscriptions": Example(
        parameters=_OWNER | {"X-Reason": "the customer is on the phone"},
        answers={"200": {"subscriptions": [_HELD], "next_cursor": None}},
    ),
    "delete /api/v1/subscribers/{msisdn}/subscriptions/{service_code}": Example(
        parameters=_OWNER | {"service_code": "SJB", "X-Reason": "asked for on the phone"},
        answers={"200": _OWNER | {"service_code": "SJB"}},
    ),
}
