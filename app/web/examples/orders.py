"""Examples for orders and new terms."""

from app.web.examples.example import MSISDN, Example

_ID = "1858489345896349696"
ORDER = {
    "order_id": _ID,
    "state": "awaiting_confirmation",
    "kind": "order",
    "msisdn": MSISDN,
    "service_code": "YYH",
    "channel": "web",
    "price_fen": 600,
    "trial_days": 0,
    "free_hours": True,
    "made_at": "2026-03-02T10:00:00+08:00",
    "expires_at": "2026-03-03T10:00:00+08:00",
}
_TERMS = {"price_fen": 500, "cancel_effect": "month_end", "takes_effect_at": "2026-12-31T00:00:00+08:00"}

EXAMPLES = {
    "post /api/v1/orders": Example(
        bodies={
            "from the website": {
                "msisdn": "13800138000",
                "service_code": "YYH",
                "channel": "web",
                "idempotency_key": "shop-4711",
            },
            "an agent's": {"msisdn": "13800138000", "service_code": "ZQ", "channel": "agent"},
        },
        answers={"202": ORDER},
    ),
    "get /api/v1/orders": Example(
        parameters={"msisdn": MSISDN, "state": "confirmed", "limit": 100, "X-Reason": "the customer is on the phone"},
        answers={
            "200": {
                "orders": [ORDER | {"state": "confirmed", "closed_at": "2026-03-02T10:01:00+08:00"}],
                "next_cursor": _ID,
            }
        },
    ),
    "get /api/v1/orders/{order_id}": Example(
        parameters={"order_id": _ID, "X-Reason": "the customer says that they never ordered it"},
        answers={
            "200": ORDER | {"state": "refused", "reason": "balance_too_low", "closed_at": "2026-03-02T10:00:00+08:00"}
        },
        may_be_missing=True,
    ),
    "post /api/v1/services/{service_code}/terms": Example(
        parameters={"service_code": "CL"},
        bodies={"dearer, and charged to the end of the month": _TERMS},
        answers={"202": {"id": _ID, "service_code": "CL", **_TERMS}},
    ),
}
