"""Examples for the lists of one customer and for access records."""

from app.web.examples.charges import REMINDED
from app.web.examples.example import MSISDN, MT, Example
from app.web.examples.orders import ORDER
from app.web.examples.tickets import PRINCIPAL, TICKET

_LOOK = {"msisdn": MSISDN, "limit": 100, "X-Reason": "the customer is on the phone"}
_ACCESS = {
    "at": "2026-03-02T10:05:00+08:00",
    "by": "wang",
    "msisdn": MSISDN,
    "what": "messages",
    "reason": "the customer says that no reply came",
}
_QUESTION = {
    "id": "1858489345778909184",
    "kind": "confirming-order",
    "extension": "20412",
    "text": "回复“是”确认订购音乐盒业务",
    "asked_at": "2026-03-02T10:00:00+08:00",
    "expires_at": "2026-03-03T10:00:00+08:00",
    "handed_over_at": "2026-03-02T10:00:01+08:00",
    "closed_at": "2026-03-02T10:01:00+08:00",
    "closed_as": "answered",
}
_CURSOR = f"1772416800000000.{MT}"


def _list(name: str, *rows: object, **parameters: object) -> Example:
    return Example(parameters={**_LOOK, **parameters}, answers={"200": {name: list(rows), "next_cursor": None}})


EXAMPLES = {
    "get /api/v1/subscribers/{msisdn}/charges": _list("charges", REMINDED),
    "get /api/v1/subscribers/{msisdn}/orders": _list("orders", ORDER),
    "get /api/v1/subscribers/{msisdn}/refunds": _list("refunds", PRINCIPAL),
    "get /api/v1/subscribers/{msisdn}/tickets": _list("tickets", TICKET),
    "get /api/v1/subscribers/{msisdn}/questions": _list("questions", _QUESTION),
    "get /api/v1/subscribers/{msisdn}/access-records": _list("access_records", _ACCESS, cursor=_CURSOR),
    "get /api/v1/access-records": Example(
        parameters={
            "by": "wang",
            "from": "2026-03-02T00:00:00+08:00",
            "to": "2026-03-03T00:00:00+08:00",
            "limit": 100,
            "X-Reason": "the audit of March",
        },
        answers={"200": {"access_records": [_ACCESS], "next_cursor": _CURSOR}},
    ),
}
