"""Examples for tickets, refunds and spam reports."""

from app.web.examples.example import MSISDN, Example

_ID = "1858489347668443136"
TICKET = {
    "id": _ID,
    "number": "K7PX2M9D",
    "kind": "complaint",
    "state": "open",
    "msisdn": MSISDN,
    "text": "手机报我没有订过",
    "tier": "ordinary",
    "made_at": "2026-03-02T10:00:00+08:00",
    "warned": False,
    "breached": False,
    "first_response_due": "2026-03-04T10:00:00+08:00",
    "due": "2026-03-04T10:00:00+08:00",
    "charge_ids": ["2026-03-SJB-138"],
}
_ANSWERED = {"first_response_at": "2026-03-02T12:00:00+08:00", "responded_by": "agent:wang"}
_RESOLVED = (
    TICKET
    | _ANSWERED
    | {
        "state": "resolved",
        "decision": "done",
        "resolved_at": "2026-03-02T15:00:00+08:00",
        "resolved_by": "agent:wang",
    }
)
PRINCIPAL = {
    "charge_id": "2026-03-SJB-138",
    "part": "principal",
    "amount_fen": 300,
    "at": "2026-03-02T15:00:00+08:00",
    "who": "agent:wang",
}
_SECOND = PRINCIPAL | {"part": "second_half", "at": "2026-03-03T09:00:00+08:00"}
_OWN = {"ticket_id": _ID, "X-Reason": "the customer is on the phone"}
_TEXT = {"message": "我们正在核实您的话费"}

EXAMPLES = {
    "get /api/v1/tickets": Example(
        parameters={
            "state": "open",
            "kind": "complaint",
            "breached": False,
            "limit": 100,
            "X-Reason": "the day's complaints",
        },
        answers={"200": {"tickets": [TICKET], "next_cursor": None}},
    ),
    "post /api/v1/tickets": Example(
        bodies={"a complaint by telephone": {"msisdn": "13800138000", "text": "手机报我没有订过"}},
        answers={"201": TICKET | {"refunds": []}},
    ),
    "get /api/v1/tickets/{ticket_id}": Example(
        parameters=_OWN,
        answers={"200": TICKET | {"refunds": []}},
        may_be_missing=True,
    ),
    "post /api/v1/tickets/{ticket_id}/first-response": Example(
        parameters=_OWN,
        bodies={"an answer": _TEXT},
        answers={"200": TICKET | _ANSWERED | {"refunds": []}},
        may_be_missing=True,
    ),
    "post /api/v1/tickets/{ticket_id}/resolve": Example(
        parameters=_OWN,
        bodies={
            "dealt with": {"decision": "done", "message": "已为您核实"},
            "unclear yet, the fee back now": {
                "decision": "done",
                "refund": {"policy": "principal", "charge_id": "2026-03-SJB-138"},
            },
            "our error, twice the fee": {
                "decision": "done",
                "refund": {"policy": "double", "charge_id": "2026-03-SJB-138"},
            },
            "a fee in doubt is upheld": {"decision": "upheld", "message": "您于三月一日以短信确认订购"},
        },
        answers={
            "200": _RESOLVED
            | {"refunds": [PRINCIPAL | {"second_half": "waiting", "decide_by": "2026-03-05T15:00:00+08:00"}]}
        },
        may_be_missing=True,
    ),
    "post /api/v1/tickets/{ticket_id}/refund/confirm": Example(
        parameters=_OWN,
        answers={"200": _RESOLVED | {"refunds": [PRINCIPAL | {"second_half": "paid"}, _SECOND]}},
        may_be_missing=True,
    ),
    "post /api/v1/tickets/{ticket_id}/refund/close": Example(
        parameters=_OWN,
        answers={"200": _RESOLVED | {"refunds": [PRINCIPAL | {"second_half": "closed"}]}},
        may_be_missing=True,
    ),
    "get /api/v1/spam-reports": Example(
        parameters={"number": "106900001234", "limit": 100},
        answers={"200": {"spam_reports": [{"number": "106900001234", "count": 3}], "next_cursor": None}},
    ),
}
