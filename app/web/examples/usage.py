"""Examples for usage readings, bills, spend and suspensions."""

from app.web.examples.example import MSISDN, Example

_READING = {"msisdn": "13800138000", "month": "2026-03", "used_kb": 54784, "at": "2026-03-02T09:05:00+08:00"}
_TAKEN = {"msisdn": MSISDN, "month": "2026-03", "status": "accepted"}
_BILL = {
    "month": "2026-02",
    "items": [{"name": "套餐月费", "amount_fen": 5800}, {"name": "短信费", "amount_fen": 110}],
}
_SPEND = {"month": "2026-03", "amount_fen": 4210, "at": "2026-03-02T09:00:00+08:00"}

EXAMPLES = {
    "post /api/v1/usage/data": Example(
        bodies={"a reading": _READING, "several": [_READING, _READING | {"msisdn": "13900139000", "used_kb": 1572864}]},
        answers={"200": _TAKEN},
    ),
    "post /api/v1/bills": Example(
        bodies={"a bill": {"msisdn": "13800138000", **_BILL}},
        answers={"200": {"msisdn": MSISDN, **_BILL}},
    ),
    "post /api/v1/spend": Example(
        bodies={"so far": {"msisdn": "13800138000", **_SPEND}},
        answers={"200": {"msisdn": MSISDN, **_SPEND}},
    ),
    "post /api/v1/subscribers/{msisdn}/suspension": Example(
        parameters={"msisdn": MSISDN},
        bodies={"a stop": {"at": "2026-03-06T15:00:00+08:00"}},
        answers={"200": {"msisdn": MSISDN, "at": "2026-03-06T15:00:00+08:00"}},
    ),
    "get /api/v1/subscribers/{msisdn}/suspension": Example(
        parameters={"msisdn": MSISDN, "X-Reason": "the customer asks when"},
        answers={
            "200": {
                "msisdn": MSISDN,
                "at": "2026-03-06T15:00:00+08:00",
                "announced_at": "2026-03-02T10:00:00+08:00",
                "over_at": None,
            }
        },
        may_be_missing=True,
    ),
    "delete /api/v1/subscribers/{msisdn}/suspension": Example(
        parameters={"msisdn": MSISDN}, answers={"200": {"msisdn": MSISDN}}, may_be_missing=True
    ),
}
