"""The simulated customers, as lines of a bulk import, and the messages that they send."""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from bench.errors import BenchError
from bench.load.wire import build_request

PROVIDER = "BENCH"
SERVICE_NUMBER = "10086"
MESSAGES_EACH = 30
"""Most messages that a customer sends to one gateway. Its limits are 30 a minute and 200 reply segments an hour."""
SEGMENTS_EACH = 200
FIRST_NUMBER = 13_800_000_000
ARRAY = 100
"""Messages in a request that is an array."""
HELD_FOR = timedelta(days=90)

Line = dict[str, object]
Message = dict[str, str]


@dataclass(frozen=True, slots=True)
class Customers:
    """Customers with consecutive numbers, each with all services of the catalogue."""

    count: int
    services: int
    first: int = FIRST_NUMBER

    @property
    def messages_each(self) -> int:
        """Most messages that each of them sends to one gateway, within its limits.

        A listing takes fewer than `3 + services / 2` segments.
        """
        return min(MESSAGES_EACH, SEGMENTS_EACH // (3 + self.services // 2))

    @property
    def line_count(self) -> int:
        """The number of `lines`."""
        return self.count * (1 + self.services)

    def msisdns(self) -> list[str]:
        """Return the numbers in their national form."""
        return [str(self.first + index) for index in range(self.count)]

    def catalogue(self) -> list[Line]:
        """Return the lines that make one SP and its services."""
        provider: Line = {"type": "service_provider", "sp_code": PROVIDER, "name": "Bench Content Ltd", "own": False}
        provider |= {"short_name": "Bench", "service_phone": "4008100000"}
        return [provider, *(_service(code) for code in self._codes())]

    def lines(self) -> Iterator[Line]:
        """Yield the lines that make the customers, then their subscriptions, service by service."""
        msisdns = self.msisdns()
        for msisdn in msisdns:
            yield _subscriber(msisdn)
        started = (datetime.now(UTC) - HELD_FOR).isoformat(timespec="seconds")
        for code in self._codes():
            for msisdn in msisdns:
                yield {
                    "type": "subscription",
                    "msisdn": msisdn,
                    "service_code": code,
                    "state": "active",
                    "in_plan": False,
                    "started_at": started,
                    "channel": "sms",
                }

    def _codes(self) -> list[str]:
        return [f"BENCH{number}" for number in range(1, self.services + 1)]


def as_jsonl(lines: Sequence[Line]) -> bytes:
    """Return lines as the body of an import."""
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


@dataclass(slots=True)
class Senders:
    """Customers who write in turn, so that each sends as many messages as the others."""

    customers: Customers
    texts: Sequence[str] = ("0000",)
    """What a customer sends: the first text first, then the next one, and again from the first."""
    scattered: bool = False
    """Take turns in no order of the numbers, so that neighbours in the database do not write one after the other."""
    sent: int = 0
    _msisdns: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self._msisdns = self.customers.msisdns()
        if self.scattered:
            random.Random(len(self._msisdns)).shuffle(self._msisdns)

    def take(self, count: int) -> list[Message]:
        """Return the next messages. Raise BenchError if a customer would pass the gateway's limits."""
        customers = len(self._msisdns)
        if self.sent + count > self.customers.messages_each * customers:
            raise BenchError(f"{self.sent + count:,} messages are too many for {customers:,} customers")
        now = datetime.now(UTC).isoformat(timespec="seconds")
        numbers = range(self.sent, self.sent + count)
        self.sent += count
        return [
            {
                "message_id": f"bench-{number}",
                "from": self._msisdns[number % customers],
                "to": SERVICE_NUMBER,
                "text": self.texts[number // customers % len(self.texts)],
                "received_at": now,
            }
            for number in numbers
        ]


def one_each(path: str, messages: Sequence[Message]) -> list[bytes]:
    """Return a request for each message."""
    return [build_request("POST", path, message) for message in messages]


def in_arrays(path: str, messages: Sequence[Message]) -> list[bytes]:
    """Return a request for each 100 messages."""
    return [build_request("POST", path, messages[at : at + ARRAY]) for at in range(0, len(messages), ARRAY)]


def _service(code: str) -> Line:
    return {
        "type": "service",
        "service_code": code,
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


def _subscriber(msisdn: str) -> Line:
    # With a data plan, so that no twice-monthly usage message is counted as a reply.
    return {
        "type": "subscriber",
        "msisdn": msisdn,
        "brand": "easyown",
        "vip": False,
        "payment": "prepaid",
        "balance_fen": 3_000,
        "points": 1_200,
        "status": "active",
        "language": "zh",
        "plan": {"name": "Bench plan", "data_kb": 102_400},
    }
