"""The example of what the gateway did with a message: an answer to a listing."""

from app.web.examples.example import MO, MSISDN, MT, Example

_AT = "2026-03-02T10:01:00+08:00"
_ASKED_AT = "2026-03-02T10:00:00+08:00"
_SUBSCRIPTION = "1858489345670905856"
_ASKED = "您正在使用的业务有：1、彩铃5元/月；2、手机报3元/月。请回复序号取消对应业务，如1,3。中国移动"
_HASH = "9b1deb4d3b7d4bad9bdd2b0d7b3dcb6d9b1deb4d3b7d4bad9bdd2b0d7b3dcb6d"
_PREVIOUS = "5e35d9dde873d072af10b32ee75af63b89d209434ed2d6770916e2a223818227"
_MESSAGE = "get_message"
_SUBSCRIPTIONS = "list_subscriptions"
_EVIDENCE = "list_evidence"
_EVENTS = "list_events"

_QUESTION = {
    "id": "1858489345690828800",
    "kind": "choosing-services",
    "from": "10086977",
    "text": _ASKED,
    "asked_at": _ASKED_AT,
    "expires_at": "2026-03-02T12:00:00+08:00",
    "closed_at": None,
    "closed_as": None,
}
_REPLY = {
    "id": MT,
    "from": "10086977",
    "text": "彩铃已于03月02日退订，立即生效，不再收费。查询请发送0000。中国移动",
    "class": "result",
    "status": "delivered",
    "at": _AT,
    "segments": 1,
    "encoding": "ucs2",
    "provider": "simulator",
    "provider_message_id": f"sim-{MT}",
    "about": None,
    "attempts": 2,
    "failed_attempts": [
        {"number": 1, "at": _AT, "result": "refused for now", "error_code": "simulated: throttled"},
    ],
    "next_attempt_at": None,
    "valid_until": "2026-03-05T10:01:00+08:00",
    "handed_over_at": "2026-03-02T10:01:02+08:00",
    "reports": [{"status": "delivered", "at": "2026-03-02T10:01:02+08:00", "error_code": None}],
    "final_at": "2026-03-02T10:01:02+08:00",
    "error_code": None,
}
_INSPECTION = {
    "id": MO,
    "direction": "mo",
    "msisdn": MSISDN,
    "received": {
        "id": MO,
        "from": MSISDN,
        "to": "10086977",
        "text": "１。",
        "provider": "simulator",
        "status": "handled",
        "at": _AT,
        "sent_at": _AT,
        "due_at": None,
        "handled_at": _AT,
        "tries": 0,
        "part": None,
        "parts": None,
        "missing": None,
        "trace": None,
    },
    "read_as": "1",
    "taken": {
        "by": "answer",
        "why": {
            "en": "No keyword; it answers the question that 10086977 asked.",
            "zh": "不是指令；作为对 10086977 所提问题的答复处理。",
        },
        "keyword": None,
        "argument": None,
        "question": _QUESTION,
        "function": "app.commands.subscriptions.picking.ListingHandler",
    },
    "verdict": {"word": "unsubscribed", "en": "unsubscribed", "zh": "已退订"},
    "who": None,
    "changes": [
        {
            "what": "subscription",
            "id": _SUBSCRIPTION,
            "service_code": "CL",
            "service": "彩铃",
            "before": "active",
            "after": "ended",
        }
    ],
    "evidence": [
        {
            "seq": 7,
            "at": _AT,
            "kind": "unsubscribe",
            "subject": _SUBSCRIPTION,
            "payload": {"who": f"mo:{MO}", "service_code": "CL", "channel": "sms", "asked": _ASKED, "answer": "１。"},
            "payload_hash": _HASH,
            "previous_hash": _PREVIOUS,
            "hash": _HASH[::-1],
        }
    ],
    "questions": [],
    "replies": [_REPLY],
    "events": [
        {
            "id": "1858489345796734976",
            "receiver": "sp:CMCC",
            "type": "subscription.unsubscribed",
            "data": {"msisdn": MSISDN, "service_code": "CL", "subscription_id": _SUBSCRIPTION},
            "status": "unaddressed",
            "attempts": 0,
            "acknowledged_at": None,
            "error": None,
        }
    ],
    "timers": [],
    "links": [
        {"shows": "received", "path": f"/api/v1/messages/{MO}", "reference": f"/docs#/messages/{_MESSAGE}"},
        {
            "shows": "changes",
            "path": f"/api/v1/subscribers/{MSISDN}/subscriptions",
            "reference": f"/docs#/subscribers/{_SUBSCRIPTIONS}",
        },
        {
            "shows": "evidence",
            "path": f"/api/v1/subscribers/{MSISDN}/evidence",
            "reference": f"/docs#/subscribers/{_EVIDENCE}",
        },
        {"shows": "replies", "path": f"/api/v1/messages/{MT}", "reference": f"/docs#/messages/{_MESSAGE}"},
        {"shows": "events", "path": "/api/v1/events", "reference": f"/docs#/events/{_EVENTS}"},
    ],
}

EXAMPLES = {
    "get /simulator/handsets/{msisdn}/messages/{message_id}": Example(
        parameters={"msisdn": "13800138000", "message_id": MO}, answers={"200": _INSPECTION}, may_be_missing=True
    ),
}
