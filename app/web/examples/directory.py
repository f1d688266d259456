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

EXAMPLES = {
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
            "an SP": {"name": "体坛传媒", "short_name": "体坛", "service_phone": "4008100009", "own": False},
            "with a webhook": {
                "name": "体坛传媒",
                "short_name": "体坛",
                "service_phone": "4008100009",
                "own": False,
                "webhook_url": "https://sp.example/events",
                "webhook_secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            },
        },
        answers={"200": {"sp_code": "TITAN"}},
    ),
    "put /api/v1/services/{service_code}": Example(
        parameters={"service_code": "YDB"},
        bodies={
            "a monthly service": {
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
        },
        answers={"200": {"service_code": "YDB"}},
    ),
    "put /api/v1/subscribers/{msisdn}": Example(
        parameters=_OWNER,
        bodies={"a subscriber": _SUBSCRIBER, "with a service password": _SUBSCRIBER | {"service_password": "135790"}},
        answers={"200": _OWNER},
    ),
    "patch /api/v1/subscribers/{msisdn}": Example(
        parameters=_OWNER,
        bodies={"a top-up": {"balance_fen": 8000}, "English, please": {"language": "en"}},
        answers={"200": _OWNER},
    ),
    "get /api/v1/subscribers/{msisdn}": Example(
        parameters=_OWNER | {"X-Reason": "the customer is on the phone"},
        answers={
            "200": {
                **_OWNER,
                **_SUBSCRIBER,
                "tenure": 1,
                "created_at": "2026-03-02T10:00:00+08:00",
                "closed_at": None,
                "has_service_password": True,
                "preferences": {"fee_summary": False, "data_alerts": False},
            }
        },
    ),
    "put /api/v1/subscribers/{msisdn}/subscriptions/{service_code}": Example(
        parameters=_OWNER | {"service_code": "CL"},
        bodies={"a service of another system": _IMPORTED},
        answers={"200": {**_OWNER, "service_code": "CL", "kept": ["started_at"]}},
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
