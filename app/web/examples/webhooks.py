"""What providers post."""

from app.web.examples.example import MO, Example

_LISTING = {
    "message_id": "abc-1",
    "from": "13800138000",
    "to": "10086",
    "text": "0000",
    "received_at": "2026-03-02T10:00:00+08:00",
}
_PICK = {"message_id": "abc-2", "from": "+8613800138000", "to": "10086977", "text": "1"}

EXAMPLES = {
    "post /webhooks/{provider}/inbound": Example(
        parameters={"provider": "generic"},
        bodies={"one message": _LISTING, "several": [_LISTING, _PICK]},
        answers={
            "202": {"id": MO, "status": "accepted"},
            "200": [
                {"id": MO, "status": "duplicate"},
                {"id": "019caae3-6a14-7b90-b6c8-3d5e7f10a903", "status": "accepted"},
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
