"""Examples for customer service: messages, dead letters and evidence."""

from app.web.examples.example import MO, MSISDN, MT, Example

_LOOK = {"msisdn": MSISDN, "X-Reason": "the customer is on the phone"}
_MESSAGE = {
    "id": MT,
    "direction": "mt",
    "msisdn": MSISDN,
    "from": "10086977",
    "to": MSISDN,
    "text": "彩铃已于03月02日退订",
    "class": "result",
    "status": "delivered",
    "at": "2026-03-02T10:01:00+08:00",
    "provider": "simulator",
    "provider_message_id": f"sim-{MT}",
    "encoding": "ucs2",
    "segments": 1,
    "attempts": 2,
    "in_reply_to": MO,
    "handed_over_at": "2026-03-02T10:01:02+08:00",
    "final_at": "2026-03-02T10:01:03+08:00",
    "valid_until": "2026-03-05T10:01:00+08:00",
}
_DEAD = {
    "id": MO,
    "direction": "mo",
    "msisdn": MSISDN,
    "from": MSISDN,
    "to": "10086",
    "text": "0000",
    "status": "dead",
    "at": "2026-03-02T10:00:00+08:00",
    "provider": "generic",
    "trace": "app/commands/subscriptions/listing.py:58 in answer_listing: KeyError",
}
_ZEROS = "0" * 64
_HASH = "361f8f4f89085bd97bc0f4fa76b8bb917c059cc2e0e684a3cd379b360a10899b"

EXAMPLES = {
    "get /api/v1/messages": Example(
        parameters=_LOOK | {"direction": "mt", "status": "delivered", "limit": 100},
        answers={"200": {"messages": [_MESSAGE], "next_cursor": MT}},
    ),
    "get /api/v1/messages/{message_id}": Example(
        parameters={"message_id": MT, "X-Reason": "the customer says that no reply came"},
        answers={
            "200": _MESSAGE
            | {
                "failed_attempts": [
                    {
                        "number": 1,
                        "at": "2026-03-02T10:01:00+08:00",
                        "result": "refused for now",
                        "error_code": "simulated: throttled",
                    }
                ],
                "reports": [{"status": "delivered", "at": "2026-03-02T10:01:03+08:00"}],
            }
        },
        may_be_missing=True,
    ),
    "get /api/v1/dead-letters": Example(
        parameters={"limit": 100, "X-Reason": "looking after what failed"},
        answers={"200": {"dead_letters": [_DEAD], "next_cursor": None}},
    ),
    "post /api/v1/messages/{message_id}/resend": Example(
        parameters={"message_id": MT, "X-Reason": "the customer says that nothing came"},
        answers={"202": {"id": MT, "status": "sent again"}},
        may_be_missing=True,
    ),
    "post /api/v1/dead-letters/{message_id}/retry": Example(
        parameters={"message_id": MO, "X-Reason": "the fault is mended"},
        answers={"202": {"id": MO, "status": "pending"}},
        may_be_missing=True,
    ),
    "get /api/v1/subscribers/{msisdn}/evidence": Example(
        parameters=_LOOK | {"limit": 100},
        answers={
            "200": {
                "evidence": [
                    {
                        "seq": 1,
                        "at": "2026-03-02T10:00:00+08:00",
                        "kind": "import",
                        "subject": "1858489345594359808",
                        "payload": {"who": "api:billing", "service_code": "TQ", "channel": "app", "before": None},
                        "payload_hash": "5e35d9dde873d072af10b32ee75af63b89d209434ed2d6770916e2a223818227",
                        "previous_hash": _ZEROS,
                        "hash": _HASH,
                    }
                ],
                "next_cursor": "1",
            }
        },
    ),
    "get /api/v1/subscribers/{msisdn}/evidence/verify": Example(
        parameters=_LOOK, answers={"200": {"ok": True, "records": 12, "first_bad": None, "fault": None}}
    ),
}
