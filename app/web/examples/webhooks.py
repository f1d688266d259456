"""Examples for the webhooks."""

from app.web.examples.example import MO, Example

_LISTING = {
    "message_id": "abc-1",
    "from": "13800138000",
    "to": "10086",
    "text": "0000",
    "received_at": "2026-03-02T10:00:00+08:00",
}
_PICK = {"message_id": "abc-2", "from": "+8613800138000", "to": "10086977", "text": "1"}
_PART = {**_LISTING, "text": "TS 手机报我从来", "concat_ref": 76, "concat_total": 2, "concat_part": 1}
_BY_HEADER = {**_LISTING, "message_id": "abc-2", "text": "没有订过", "udh": "0500034C0202"}

EXAMPLES = {
    "post /webhooks/{provider}/inbound": Example(
        parameters={"provider": "generic"},
        bodies={"one message": _LISTING, "several": [_LISTING, _PICK], "parts of a long one": [_PART, _BY_HEADER]},
        answers={
            "202": {"id": MO, "status": "accepted"},
            "200": [
                {"id": MO, "status": "duplicate"},
                {"id": "1858489345900544000", "status": "accepted"},
            ],
        },
    ),
    "post /webhooks/{provider}/status": Example(
        parameters={"provider": "generic"},
        bodies={
            "delivered": {
                "message_id": "carrier-77",
                "status": "delivered",
                "error_code": "",
                "at": "2026-03-02T10:00:05+08:00",
            },
            "not delivered": {"message_id": "carrier-78", "status": "undelivered", "error_code": "absent"},
        },
        answers={"200": {"status": "accepted"}},
    ),
}
