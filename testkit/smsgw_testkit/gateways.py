"""A gateway under test, as tests see it."""

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from smsgw_testkit import times
from smsgw_testkit.carrier import Carrier, PostsAsCarrier
from smsgw_testkit.clock import Arrivals, Clock
from smsgw_testkit.defaults import DEMO, LONGEST_WAIT, REAL, UNSET, Defaults, Unset
from smsgw_testkit.dialling import Numbers, national
from smsgw_testkit.directory import Directory
from smsgw_testkit.errors import GatewayBusy, GatewayTrouble, SmsgwError
from smsgw_testkit.events import Events, refused_elsewhere
from smsgw_testkit.handset import Handset, open_questions
from smsgw_testkit.messages import Message, Messages
from smsgw_testkit.network import Network
from smsgw_testkit.running.durations import Durations
from smsgw_testkit.running.finding import TOKEN, Backend, Elsewhere, logged
from smsgw_testkit.times import Time
from smsgw_testkit.wire.calls import Api
from smsgw_testkit.wire.receiver import Receiver

_PAGE = 500
_LOG_LINES = 50
# Seconds for which the gateway waits for the answer of a receiver of events.
_OF_A_RECEIVER = 10


@dataclass
class Parts:
    """What a gateway is made of."""

    backend: Backend
    receiver: Receiver
    defaults: Defaults
    numbers: Numbers
    durations: Durations = field(default_factory=Durations)


class Gateway(Directory, PostsAsCarrier):
    """A gateway. Every call waits until nothing is left to do that is due.

    Attributes:
        url: where it answers.
        token: what its management API accepts.
        api: calls of your own, with token and reason.
        clock: its clock, which stands.
        network: the simulated network of all handsets.
    """

    def __init__(self, parts: Parts) -> None:
        super().__init__()
        self._parts = parts
        self.url = parts.backend.url
        self.token = TOKEN
        self.api = Api(self.url, TOKEN, parts.backend.lost)
        self.numbers = parts.numbers
        self.defaults = parts.defaults
        self.clock = Clock(self.api, self._arrivals)
        self.network = Network(self.api, "/simulator", is_of_one=False)
        self._events = Events(parts.receiver, self.drain)
        self._handsets: dict[str, Handset] = {}
        self._newest: str | None = None
        self._is_shared = False
        self._said: Counter[str] = Counter()
        # Of a test that resets: what went wrong before that.
        self._before_reset: list[str] = []
        self._is_in_test = False

    def __repr__(self) -> str:
        return f"<Gateway {self.url}>"

    # ---- beginning anew

    def reset(
        self, *, fixture: str | Unset | None = UNSET, now: Time | Unset = UNSET, keep: Sequence[str] = ()
    ) -> None:
        """Delete everything, stop the clock, and load the customers of a fixture.

        ``fixture``: ``demo``, or None for nobody; ``now``: where the clock stands, ``real`` lets it run; ``keep``:
        ``["tokens"]`` leaves the tokens of the API.

        Trouble that came before it is no less trouble of the test that resets.
        """
        if self._is_in_test:
            self._before_reset = self.new_troubles()
        begin = time.perf_counter()
        loaded = self.defaults.fixture if fixture is UNSET else fixture
        at = self.defaults.now if now is UNSET else now
        body = {
            **({"fixture": loaded} if loaded else {}),
            **({} if at == REAL else {"now": times.sent(at)}),
            **({"keep": list(keep)} if keep else {}),
        }
        self.api.post("/simulator/reset", body)
        self._parts.durations.note("reset", time.perf_counter() - begin)
        self.begin(fixture=loaded)

    def begin(self, *, fixture: str | None, is_shared: bool = False) -> None:
        """Forget what the kit knows of the test before.

        ``is_shared``: other tests use the gateway now, so that only trouble with this test's handsets is its own.
        """
        self._is_shared = is_shared
        self._said.clear()
        self._is_in_test = True
        for handset in self._handsets.values():
            handset.begin()
        self._newest = None
        self._events.clear()
        self._begin_directory(is_demo=fixture == DEMO)
        if self._address_of is not None:
            self._address_events()

    def drain(self, *, events: bool = False, timeout: float | None = None) -> None:
        """Wait until nothing is left to do that is due; with ``events`` also until each that is due was tried.

        Raise GatewayBusy if that takes longer than ``timeout`` seconds; default: those of the settings, and with
        ``events`` as long as the gateway waits for a receiver in addition.
        """
        seconds = min(self.defaults.timeout + events * _OF_A_RECEIVER, LONGEST_WAIT) if timeout is None else timeout
        body = {"timeout_seconds": seconds, **({"events": True} if events else {})}
        found = self.api.post("/simulator/drain", body)
        if not found["idle"]:
            raise GatewayBusy(seconds, found.get("waiting") or {})

    def settle(self) -> None:
        """Wait until nothing is left to do that is due."""
        self.drain()

    # ---- who is there

    def handset(self, number: str) -> Handset:
        """Return the phone of a number; the same each time in a test."""
        return self._handsets.setdefault(number, Handset(self, number))

    @property
    def events(self) -> Events:
        """The receivers of billing and of all SPs. From the first use on, SPs are told to post there.

        Raise SmsgwError if the gateway runs on another machine or in a container, from where it cannot.
        """
        self._parts.backend.require_near("events are received on this machine's loopback")
        if self._address_of is None:
            self._address_of = lambda code: (self._events.address_of(code), self._events.secret)
            self.clock.steps_through_events = True
            self._address_events()
        return self._events

    def forget_test(self) -> None:
        """Forget the handsets of a test, and have SPs of the next one post nowhere unless that asks for it."""
        self._handsets.clear()
        self._before_reset.clear()
        self._is_in_test = False
        self._address_of = None
        self.clock.steps_through_events = False

    @property
    def carrier(self) -> Carrier:
        """The other side of the provider ``carrier``. Raise SmsgwError for a gateway at a URL or of an image."""
        if isinstance(self._parts.backend, Elsewhere):
            raise SmsgwError(
                "a gateway whose settings the kit does not make has no provider `carrier`; leave out URL and image"
            )
        return Carrier(self.api, self._parts.receiver, self.drain)

    # ---- what it says of itself

    @property
    def now(self) -> datetime:
        """The gateway's time, Asia/Shanghai."""
        return self.clock.now

    @property
    def log(self) -> list[str]:
        """The last lines of the gateway's log, oldest first."""
        if isinstance(self._parts.backend, Elsewhere):
            return logged(self.api, _LOG_LINES)
        return self._parts.backend.lines(_LOG_LINES)

    @property
    def console_url(self) -> str:
        """The page that shows the conversations."""
        return f"{self.url}/handset"

    @property
    def has_ended(self) -> bool:
        """True if the gateway is no more."""
        return self._parts.backend.has_ended

    def measured_send(self, seconds: float) -> None:
        """Note how long a text with its answers took."""
        self._parts.durations.note("send", seconds)

    def check(self) -> None:
        """Raise GatewayTrouble if anything went wrong that no test asked for. What was said once is not said again."""
        found = self.new_troubles()
        if found:
            raise GatewayTrouble("; ".join(found) + " (strict=False lets a test pass with that)")

    def new_troubles(self) -> list[str]:
        """Return the troubles since the last call: tests that share a gateway answer for their own ones alone."""
        found = Counter(self.troubles())
        new, self._said = found - self._said, found
        before, self._before_reset = self._before_reset, []
        return [*before, *new.elements()]

    def troubles(self) -> list[str]:
        """Return what went wrong: dead letters, errors of the gateway, events that did not verify or were refused."""
        if self._address_of is not None or self._addressed:
            with contextlib.suppress(GatewayBusy):  # a receiver that hangs, as its test wants
                self.drain(events=True)
        trouble = self.api.get("/simulator/trouble")
        dead = [
            f"the text {row['id']} of {row['handset']} could not be handled: {row['reason']}"
            for row in trouble["dead_letters"]
            if not self._is_shared or self._known_as(row["handset"]) in self._handsets
        ]
        failed = "the gateway answered a call with an error of its own; see its log"
        errors = [] if self._is_shared else [failed] * int(trouble["server_errors"])
        carrier = Carrier(self.api, self._parts.receiver, self.drain)
        return [
            *dead,
            *errors,
            *self._events.troubles,
            *carrier.troubles,
            *refused_elsewhere(self.api, self._addressed),
        ]

    def description(self) -> str:
        """Return what a person wants to see of a failed test: dialogues, open questions, log and clock."""
        if self.has_ended:
            return "\n".join(["the gateway has ended; its last lines:", *self._parts.backend.lines(_LOG_LINES)])
        lines = [f"clock: {self.now.isoformat(' ', 'seconds')}{'' if self.clock.stands else ', running'}"]
        for number, handset in self._handsets.items():
            lines += [f"handset {number}:", *(f"  {message}" for message in handset.shown())]
        asked = self.api.get("/simulator/questions", {"handset": list(self._handsets)})["questions"]
        lines += [f"open questions: {open_questions(asked)}", "log:", *self.log]
        return "\n".join(lines)

    def close(self) -> None:
        """End the gateway and the kit's servers."""
        self.api.close()
        self._parts.backend.stop()
        self._parts.receiver.close()

    # ---- within

    def _now(self) -> datetime:
        return self.now

    def _arrivals(self, move: Callable[[], object]) -> Arrivals:
        self._came()
        begin = time.perf_counter()
        move()
        self._parts.durations.note("clock", time.perf_counter() - begin)
        found = Arrivals()
        for message in self._came():
            if not message.is_sent:
                found.setdefault(message.handset, Messages()).append(message)
        return found

    def _came(self) -> list[Message]:
        """Return the messages of all handsets since this was called last."""
        found: list[Message] = []
        while True:
            query: Mapping[str, object] = {"limit": _PAGE, **({"after": self._newest} if self._newest else {})}
            page = self.api.get("/simulator/threads", query)["messages"]
            found += (Message.read(row, self._known_as(row["handset"])) for row in page)
            if page:
                self._newest = page[-1]["id"]
            if len(page) < _PAGE:
                return found

    def _known_as(self, number: str) -> str:
        """Return the number as the test wrote it."""
        return next((known for known in self._handsets if national(known) == national(number)), number)
