"""Orders the newspaper for a reader: 10086 asks the reader, whose yes alone counts."""

import json
import urllib.request

SERVICE = "ZHIYIN"


def order(gateway: str, token: str, reader: str) -> str:
    """Order the newspaper for a number. Return the id of the order."""
    body = {"msisdn": reader, "service_code": SERVICE, "channel": "sp"}
    request = urllib.request.Request(
        f"{gateway}/api/v1/orders",
        json.dumps(body).encode(),
        {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)["order_id"]
