"""The simulated subscribers of a run and their requests."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bench.wire import build_request

TOKEN = "demo"  # noqa: S105 (the public token of the test environment)
API = "/api/v1"
PROVIDER = "BENCH"
SERVICES = ("BENCHA", "BENCHB", "BENCHC")
SERVICE_NUMBER = "10086"
MESSAGES_EACH = 15
"""Messages that each subscriber sends. The gateway's limits are 30 a minute and 200 reply segments an hour."""
SUBSCRIBER_RANGE = 100_000_000
SUBSCRIBER_LIMIT = 1_000_000
HELD_FOR = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Population:
    """Subscribers with consecutive numbers, new ones in every run."""

    first: int
    count: int

    @classmethod
    def draw(cls, count: int) -> "Population":
        """Return `count` subscribers from a random start, so that runs rarely share subscribers."""
        span = SUBSCRIBER_RANGE - count
        return cls(random.randrange(span), count)

    def part(self, start: int, count: int) -> "Population":
        """Return `count` of these subscribers, from the one at `start`."""
        return Population(self.first + start, count)

    def msisdns(self) -> list[str]:
        """Return the numbers in their national form."""
        return [f"138{self.first + index:08d}" for index in range(self.count)]


def subscribers_for(count: int) -> int:
    """Return how many subscribers are needed to send `count` messages."""
    return -(-count // MESSAGES_EACH)


def messages(path: str, *, people: Population, count: int, text: str) -> list[bytes]:
    """Return `count` inbound messages, sent by the subscribers in turn."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    msisdns = people.msisdns()
    return [
        build_request(
            "POST",
            path,
            {
                "message_id": f"bench-{people.first}-{number}",
                "from": msisdns[number % len(msisdns)],
                "to": SERVICE_NUMBER,
                "text": text,
                "received_at": now,
            },
        )
        for number in range(count)
    ]


def catalogue() -> list[tuple[str, dict[str, object]]]:
    """Return the paths and bodies of the PUTs that make one SP and its services, in order."""
    provider: dict[str, object] = {
        "name": "Bench Content Ltd",
        "short_name": "Bench",
        "service_phone": "4008100000",
        "own": False,
    }
    return [
        (f"{API}/service-providers/{PROVIDER}", provider),
        *((f"{API}/services/{code}", _service(code)) for code in SERVICES),
    ]


def subscribers(people: Population) -> list[bytes]:
    """Return the requests that create the subscribers."""
    return [_put(f"/subscribers/{msisdn}", _subscriber()) for msisdn in people.msisdns()]


def subscriptions(people: Population) -> list[bytes]:
    """Return the requests that subscribe everyone to every service; send them after `subscribers()`."""
    body: dict[str, object] = {
        "state": "active",
        "in_plan": False,
        "started_at": (datetime.now(UTC) - HELD_FOR).isoformat(timespec="seconds"),
        "channel": "sms",
    }
    return [
        _put(f"/subscribers/{msisdn}/subscriptions/{code}", body) for code in SERVICES for msisdn in people.msisdns()
    ]


def _put(path: str, body: dict[str, object]) -> bytes:
    return build_request("PUT", f"{API}{path}", body, TOKEN)


def _service(code: str) -> dict[str, object]:
    return {
        "name": f"Service {code[-1]}",
        "sp_code": PROVIDER,
        "billing": "monthly",
        "price_fen": 300,
        "cancel_effect": "month_end",
        "cancellable_by_sms": True,
        "on_offer": True,
        "trial_days": 0,
        "visible": True,
    }


def _subscriber() -> dict[str, object]:
    # With a data plan, so that no twice-monthly usage message is counted as a reply.
    return {
        "brand": "easyown",
        "vip": False,
        "payment": "prepaid",
        "balance_fen": 3_000,
        "points": 1_200,
        "status": "active",
        "language": "zh",
        "plan": {"name": "Bench plan", "data_kb": 102_400},
    }
