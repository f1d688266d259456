"""Calls to a gateway in a process of its own: prepare it, send texts, and read what came of them."""

from collections.abc import Iterable
from typing import Any

import httpx

from tests.crash.process import ANSWERED_WITHIN_SECONDS, Process, client

TEST = {"Authorization": "Bearer demo"}
CUSTOMER = {"brand": "easyown", "payment": "prepaid", "balance_fen": 0, "points": 0, "status": "active"}
HELD = {"state": "active", "in_plan": False, "started_at": "2025-01-01T10:00:00+08:00", "channel": "web"}
TAKEN = (httpx.codes.ACCEPTED, httpx.codes.OK)
DRAINED_WITHIN_SECONDS = 90


def prepare(gateway: Process, numbers: Iterable[str] = ()) -> None:
    """Empty the database, load the demo, and make a customer of each number."""
    reset = client().post(f"{gateway.base}/simulator/reset", json={"fixture": "demo"})
    assert reset.status_code == httpx.codes.OK, reset.text
    for number in numbers:
        put(gateway, number, CUSTOMER)


def put(gateway: Process, path: str, body: dict[str, Any]) -> None:
    """Change a customer by the management API."""
    made = client().put(f"{gateway.base}/api/v1/subscribers/{path}", json=body, headers=TEST)
    assert made.is_success, made.text


def subscribe(gateway: Process, number: str, *services: str) -> None:
    """Give a customer services, as of some time ago."""
    for code in services:
        put(gateway, f"{number}/subscriptions/{code}", HELD)


def post(
    gateway: Process,
    number: str,
    message_id: str,
    text: str,
    *,
    to: str = "10086",
    provider: str = "simulator",
    within: float = ANSWERED_WITHIN_SECONDS,
) -> int:
    """Post a message as its carrier does. Return the status; raise httpx.TransportError without one."""
    body = {"message_id": message_id, "from": number, "to": to, "text": text}
    return client().post(f"{gateway.base}/webhooks/{provider}/inbound", json=body, timeout=within).status_code


def send(gateway: Process, number: str, text: str) -> None:
    """Send a text from a simulated handset."""
    url = f"{gateway.base}/simulator/handsets/{number}/messages"
    answer = client().post(url, json={"to": "10086", "text": text})
    assert answer.status_code == httpx.codes.ACCEPTED, answer.text


def thread(gateway: Process, number: str) -> list[dict[str, Any]]:
    """Return the messages on a handset, oldest first."""
    url = f"{gateway.base}/simulator/handsets/{number}/messages?limit=500"
    found: list[dict[str, Any]] = client().get(url).json()["messages"]
    return found


def texts(gateway: Process, number: str) -> list[str]:
    """Return the texts that a handset received, oldest first."""
    return [one["text"] for one in thread(gateway, number) if one["direction"] == "mt"]


def drain(gateway: Process) -> None:
    """Wait until nothing is due."""
    given = {"timeout_seconds": DRAINED_WITHIN_SECONDS}
    answer = client().post(f"{gateway.base}/simulator/drain", json=given, timeout=DRAINED_WITHIN_SECONDS + 30)
    assert answer.json() == {"idle": True}


def ready(gateway: Process) -> dict[str, Any]:
    """Return what a process says of itself."""
    found: dict[str, Any] = client().get(f"{gateway.base}/readyz").json()
    return found
