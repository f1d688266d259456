"""What SPs and billing were told: received, verified and kept, in order."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from smsgw_testkit import times
from smsgw_testkit.dialling import national
from smsgw_testkit.errors import EventMissing
from smsgw_testkit.wire.calls import Api
from smsgw_testkit.wire.receiver import EVENTS, Behaviour, Received, Receiver

if TYPE_CHECKING:
    from smsgw_testkit.handset import Handset

BILLING = "billing"
_PAGE = 500
_SERVICE_PROVIDERS = f"{EVENTS}sp/"


class Drains(Protocol):
    """What waits for events that are on their way."""

    def __call__(self, *, events: bool) -> None:
        """Wait until nothing is left to do, and every event that is due was tried."""


@dataclass(frozen=True, slots=True)
class Event:
    """An event that a receiver was sent.

    Attributes:
        at: when the gateway made it, Asia/Shanghai, by its own clock.
        receiver: ``billing`` or the code of an SP.
    """

    id: str
    type: str
    at: datetime
    data: dict[str, Any]
    receiver: str

    @classmethod
    def read(cls, received: Received) -> "Event":
        """Return the event of a post."""
        given = json.loads(received.body)
        at = times.moment(given["timestamp"])
        return cls(given["id"], given["type"], at, given["data"], receiver_of(received.path))

    def is_about(self, handset: "Handset | None") -> bool:
        """Return True if the event is about the number of a handset; None stands for all."""
        return handset is None or national(str(self.data.get("msisdn", ""))) == national(handset.number)

    def __str__(self) -> str:
        return f"{times.short(self.at)} {self.receiver} {self.type} {json.dumps(self.data, ensure_ascii=False)}"


class Events:
    """The receivers of billing and of every SP. Each call waits until the events that are due were tried."""

    def __init__(self, receiver: Receiver, drain: Drains) -> None:
        self._receiver = receiver
        self._drain = drain
        self._looked_at: set[str] = set()

    def address_of(self, receiver: str) -> str:
        """Return the URL that events for ``billing`` or the code of an SP are posted to."""
        return f"{self._receiver.url}{_path_of(receiver)}"

    @property
    def secret(self) -> str:
        """The secret that all events are signed by."""
        return self._receiver.secret

    # ---- what came

    @property
    def all(self) -> list[Event]:
        """All events that verified and were acknowledged, each once, in the order in which they came."""
        self._drain(events=True)
        return self._kept()

    def of(self, receiver: str) -> list[Event]:
        """Return the events of an SP, by its code, or of ``billing``."""
        return [event for event in self.all if event.receiver == receiver]

    @property
    def billing(self) -> list[Event]:
        """The events of billing."""
        return self.of(BILLING)

    @property
    def attempts(self) -> list[Received]:
        """All posts, also those that were not acknowledged or did not verify."""
        self._drain(events=True)
        return self._receiver.posts(EVENTS)

    def wait_for(self, event_type: str, handset: "Handset | None" = None, timeout: float = 5) -> Event:
        """Return the oldest event of a type that no call has returned yet, waiting up to ``timeout`` seconds.

        Raise EventMissing if none comes.
        """
        self._drain(events=True)

        def found() -> list[Event]:
            return [
                event
                for event in self._kept()
                if event.type == event_type and event.is_about(handset) and event.id not in self._looked_at
            ]

        if not self._receiver.wait(lambda: bool(found()), timeout):
            about = f" about {handset.number}" if handset else ""
            raise EventMissing(f"no {event_type}{about} came; {self._came()}")
        event = found()[0]
        self._looked_at.add(event.id)
        return event

    def none(self) -> None:
        """Raise EventMissing if any event came that ``wait_for`` or ``expect`` has not returned."""
        self._drain(events=True)
        if self._new():
            raise EventMissing(f"there should be no event; {self._came()}")

    def expect(self, types: Sequence[str]) -> list[Event]:
        """Return the events that no call has returned yet, if they have these types, in this order.

        Raise EventMissing if they have others.
        """
        self._drain(events=True)
        found = self._new()
        if [event.type for event in found] != list(types):
            raise EventMissing(f"expected: {', '.join(types) or 'none'}; {self._came()}")
        self._looked_at.update(event.id for event in found)
        return found

    # ---- how receivers answer

    def answer(self, status: int, times: int | None = None, *, after: float = 0, receiver: str | None = None) -> None:
        """Answer the next posts by this status, after so many seconds of real time.

        ``times``: how many; None: all. ``receiver``: ``billing`` or the code of an SP; None: all.
        """
        self._behave(status, times, after, receiver)

    def hang(self, times: int | None = None, *, receiver: str | None = None) -> None:
        """Never answer the next posts. The gateway waits 10 seconds for each."""
        self._behave(None, times, 0, receiver)

    def forward_to(self, url: str, secret: str | None = None) -> None:
        """Pass each event on to software under test, and answer what it answers.

        ``secret``: sign anew by the secret that this software has; None: as it came.
        """
        self._receiver.forward = (url, secret)

    # ---- within

    def clear(self) -> None:
        """Forget everything."""
        self._receiver.clear()
        self._looked_at.clear()

    @property
    def troubles(self) -> list[str]:
        """What no test asked for: posts that did not verify, or that a receiver behind ``forward_to`` refused."""
        received = self._receiver.posts(EVENTS)
        wrong = [f"an event to {receiver_of(one.path)} did not verify: {one.wrong}" for one in received if one.wrong]
        return wrong + [
            f"{one.unreached or f'the receiver events are forwarded to answered {one.status}'} to {Event.read(one)}"
            for one in received
            if not one.expected and not one.wrong
        ]

    def _kept(self) -> list[Event]:
        good = [one for one in self._receiver.posts(EVENTS) if _is_kept(one)]
        return list({event.id: event for event in reversed([Event.read(one) for one in good])}.values())[::-1]

    def _new(self) -> list[Event]:
        return [event for event in self._kept() if event.id not in self._looked_at]

    def _came(self) -> str:
        lines = "".join(f"\n  {event}" for event in self._kept())
        wrong = "".join(f"\n  {trouble}" for trouble in self.troubles)
        return f"there came:{lines}{wrong}" if lines or wrong else "none came at all"

    def _behave(self, status: int | None, times: int | None, after: float, receiver: str | None) -> None:
        self._receiver.behave(Behaviour(status, times, after, EVENTS if receiver is None else _path_of(receiver)))


def billing(receiver: Receiver) -> dict[str, str]:
    """Return the settings of billing's events."""
    return {"webhook_url": f"{receiver.url}{_path_of(BILLING)}", "secret": receiver.secret}


def refused_elsewhere(api: Api, codes: Collection[str]) -> list[str]:
    """Return what SPs refused to which the gateway posts itself, as troubles."""
    if not codes:
        return []
    theirs = {f"sp:{code}" for code in codes}
    return [
        f"{row['receiver']} did not take {row['type']}: {row['error']}"
        for row in api.get("/api/v1/events", {"limit": _PAGE})["events"]
        if row["receiver"] in theirs and row["error"] and row["acknowledged_at"] is None
    ]


def _path_of(receiver: str) -> str:
    return f"{EVENTS}{BILLING}" if receiver == BILLING else f"{_SERVICE_PROVIDERS}{receiver}"


def receiver_of(path: str) -> str:
    """Return whom a path belongs to: ``billing`` or the code of an SP."""
    return path.removeprefix(_SERVICE_PROVIDERS).removeprefix(EVENTS)


def _is_kept(received: Received) -> bool:
    return received.wrong is None and received.status is not None and received.status // 100 == 2  # noqa: PLR2004  2xx
