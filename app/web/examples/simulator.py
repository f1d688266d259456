"""Examples for the simulated network."""

import json

from app.web.examples.example import MO, MSISDN, MT, Example

_HANDSET = {"msisdn": "13800138000"}
_SENT = {
    "id": MO,
    "direction": "mo",
    "from": MSISDN,
    "to": "10086977",
    "text": "1",
    "segments": 1,
    "encoding": "gsm7",
    "at": "2026-03-02T10:01:00+08:00",
    "status": "sent",
    "provider": "simulator",
    "provider_kind": "simulator",
}
_REPLY = {
    "id": MT,
    "direction": "mt",
    "from": "10086977",
    "to": MSISDN,
    "text": "彩铃已于03月02日退订",
    "segments": 1,
    "encoding": "ucs2",
    "at": "2026-03-02T10:01:00+08:00",
    "status": "delivered",
    "provider": "simulator",
    "provider_kind": "simulator",
    "in_reply_to": MO,
}
_WAITING = {
    "id": MT,
    "from": "10086977",
    "status": "queued",
    "attempts": 1,
    "waits_for": "attempt",
    "next_attempt_at": "2026-03-02T10:01:07+08:00",
    "reason": "simulated: throttled",
    "shown": False,
    "made_at": "2026-03-02T10:01:00+08:00",
    "in_reply_to": MO,
}
_STOPPED = {"now": "2026-03-02T10:00:00+08:00", "frozen": True}
_FAULT = {"mode": "throttle", "rate": 0.5, "count": 10}
_LATE = {"report": "undelivered", "delay_seconds": 60}

_ENTRY = {**_REPLY, "handset": "13800138000", "kind": "reply", "code": None}
_DEAD_LETTER = {"handset": "13800138000", "id": MO, "reason": "commands/router.py:120 run\nRuntimeError"}
_QUESTION = {
    "handset": "13800138000",
    "kind": "choosing-services",
    "number": "10086977",
    "until": "2026-03-02T12:00:00+08:00",
    "code": None,
}

EXAMPLES = {
    "post /simulator/handsets/{msisdn}/messages": Example(
        parameters=_HANDSET,
        bodies={
            "ask for the listing": {"to": "10086", "text": "0000"},
            "answer it": {"to": "10086977", "text": "1", "message_id": "test-1"},
        },
        answers={"202": {"id": MO, "status": "accepted"}, "200": {"id": MO, "status": "duplicate"}},
    ),
    "get /simulator/handsets/{msisdn}/messages": Example(
        parameters=_HANDSET | {"limit": 50}, answers={"200": {"messages": [_SENT, _REPLY]}}
    ),
    "get /simulator/handsets/{msisdn}/events": Example(
        parameters=_HANDSET,
        answers={"200": f"id: {MT}\ndata: {json.dumps(_REPLY, ensure_ascii=False)}\n\n"},
    ),
    "get /simulator/handsets/{msisdn}": Example(parameters=_HANDSET, answers={"200": {"msisdn": MSISDN}}),
    "get /simulator/handsets/{msisdn}/outbox": Example(parameters=_HANDSET, answers={"200": {"messages": [_WAITING]}}),
    "get /simulator/handsets": Example(
        answers={"200": {"handsets": [{"msisdn": MSISDN, "messages": 2, "last_at": "2026-03-02T10:01:00+08:00"}]}}
    ),
    "get /simulator/threads": Example(parameters={"handset": "13800138000"}, answers={"200": {"messages": [_ENTRY]}}),
    "get /simulator/questions": Example(
        parameters={"handset": "13800138000"}, answers={"200": {"questions": [_QUESTION]}}
    ),
    "get /simulator/log": Example(
        parameters={"limit": 50},
        answers={
            "200": {
                "lines": [
                    {
                        "event": "listening",
                        "level": "info",
                        "logger": "app.cli.running",
                        "timestamp": "2026-03-02T02:00:00.000000Z",
                    }
                ]
            }
        },
    ),
    "get /simulator/trouble": Example(
        parameters={"since": MO},
        answers={"200": {"dead_letters": [_DEAD_LETTER], "server_errors": 0}},
    ),
    "get /simulator/people": Example(
        answers={"200": {"people": [{"msisdn": MSISDN, "try": {"en": "no services yet", "zh": "尚无业务"}}]}}
    ),
    "post /simulator/drain": Example(
        bodies={"wait": {"timeout_seconds": 10}, "for events, too": {"events": True}}, answers={"200": {"idle": True}}
    ),
    "post /simulator/reset": Example(
        bodies={
            "with the demo customers": {"fixture": "demo"},
            "empty": {},
            "the same in every run": {"fixture": "demo", "now": "2026-03-02T10:00:00+08:00", "keep": ["tokens"]},
        },
        answers={"200": {"status": "loaded", "now": "2026-03-02T10:00:00+08:00", "frozen": False}},
    ),
    "get /simulator/clock": Example(answers={"200": _STOPPED}),
    "put /simulator/clock": Example(
        bodies={"stop it": {"now": "2027-03-02T10:00:00+08:00"}}, answers={"200": _STOPPED}
    ),
    "post /simulator/clock/run": Example(answers={"200": {"now": "2026-03-02T10:00:00+08:00", "frozen": False}}),
    "post /simulator/clock/advance": Example(
        bodies={
            "by a length": {"seconds": 7200},
            "to a time": {"to": "2027-03-03T09:00:00+08:00"},
            "with the repetitions of events": {"seconds": 3600, "events": True},
        },
        answers={"200": {"now": "2026-03-02T12:00:00+08:00", "frozen": True}},
    ),
    "get /simulator/faults": Example(answers={"200": _FAULT}),
    "put /simulator/faults": Example(
        bodies={"half of ten are throttled": _FAULT, "all is well": {"mode": "ok"}}, answers={"200": _FAULT}
    ),
    "get /simulator/handsets/{msisdn}/faults": Example(
        parameters=_HANDSET, answers={"200": _FAULT}, may_be_missing=True
    ),
    "put /simulator/handsets/{msisdn}/faults": Example(
        parameters=_HANDSET,
        bodies={"half of ten are throttled": _FAULT, "always taken": {"mode": "ok"}},
        answers={"200": _FAULT},
    ),
    "delete /simulator/handsets/{msisdn}/faults": Example(parameters=_HANDSET, answers={"204": None}),
    "get /simulator/handsets/{msisdn}/delivery": Example(
        parameters=_HANDSET, answers={"200": _LATE}, may_be_missing=True
    ),
    "put /simulator/handsets/{msisdn}/delivery": Example(
        parameters=_HANDSET,
        bodies={"not delivered, a minute later": _LATE, "never reported": {"report": "none"}},
        answers={"200": _LATE},
    ),
    "delete /simulator/handsets/{msisdn}/delivery": Example(parameters=_HANDSET, answers={"204": None}),
    "get /simulator/delivery": Example(answers={"200": _LATE}),
    "put /simulator/delivery": Example(
        bodies={"not delivered, a minute later": _LATE, "delivered at once": {"report": "delivered"}},
        answers={"200": _LATE},
    ),
}
