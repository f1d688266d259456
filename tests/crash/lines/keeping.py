"""A carrier over sessions in the test's own process: what it was given and keeps is known whatever happens to a gateway.

It keeps what it has for the gateway until that is answered, and sends it again in another session.
"""

import asyncio
import random
import threading
import time
from abc import abstractmethod
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import yaml
from typing_extensions import override

from app.toys.server import Pdu, Server, Session
from tests.crash.carrier import LATE_SECONDS, TIMEOUT_SECONDS, Answer
from tests.crash.judging import Row
from tests.crash.process import CARRIER_SECRET

NAME = "theirs"
ANSWER = 0x80000000
_TESTED_AFTER_SECONDS = 3.0
T = TypeVar("T")
S = TypeVar("S", bound=Session[Any])
P = TypeVar("P", bound=Pdu)


@dataclass(eq=False)
class Kept:
    """What the carrier keeps for the gateway until it is answered: a message or a report.

    Attributes:
        when_taken: is called then, in the carrier's thread, before ``taken`` is done.
        sent_at: when it was sent last, in monotonic seconds.
    """

    body: bytes
    when_taken: Callable[[], None]
    taken: Future[None] = field(default_factory=Future)
    sent_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment as it came.

    Attributes:
        number: to whom it is sent.
        mark: what it says of the message that it belongs to, besides its text.
        header: its user data header.
        octets: its text.
        report: the body of the report that says it was delivered.
    """

    number: str
    mark: str
    header: bytes
    octets: bytes
    report: bytes


@dataclass(frozen=True, slots=True)
class Submitted:
    """A segment that came: when in monotonic seconds, what became of it, and the carrier's id of it."""

    segment: Segment
    at: float
    answer: Answer
    theirs: str

    @property
    def part(self) -> int:
        """Which segment of its message it is, from 1."""
        return self.segment.header[-1] if self.segment.header else 1

    @property
    def key(self) -> tuple[object, ...]:
        """By what its message is known."""
        return self.segment.number, self.segment.mark, self.part, self.segment.octets

    @property
    def attempt(self) -> tuple[object, ...]:
        """What the segments of an attempt have in common."""
        if not self.segment.header and not self.segment.mark:
            # The only segment, and nothing but its text says of which message: equal ones may be of several.
            return self.segment.number, self.at
        return self.segment.number, self.segment.mark, self.segment.header[:-1] or self.segment.octets


class Keeping(Server[S], Generic[S, P]):
    """A toy that keeps and repeats. It lives in a thread of its own; ``call`` and ``wait_for`` are for the others.

    Attributes:
        submitted: the segments that came, in order.
        reported: its ids of the segments whose reports the gateway has.
        objections: what the gateway should not have answered, and how often it did.
        share_reported: of the segments that it takes, how many it sends a report on.
        share_lost: of the answers to what it keeps, how many get lost, with their sessions.
        loses: whether the next answer of a session gets lost; by default as ``share_lost`` says.
    """

    greetings: ClassVar[frozenset[int]]
    submit: ClassVar[int] = 0x04
    delivery: ClassVar[int] = 0x05
    test: ClassVar[int]
    goodbye: ClassVar[int]

    def begin(
        self, seed: int = 0, shares: Mapping[Answer, float] | None = None, patience: tuple[float, float] | None = None
    ) -> None:
        """Begin to keep, in its event loop.

        ``shares``: which part of the segments is answered otherwise than at once and well, drawn by ``seed``.
        ``patience``: between how many seconds without an answer it cuts a session; None: it never does.
        """
        self.submitted: list[Submitted] = []
        self.reported: set[str] = set()
        self.objections: Counter[str] = Counter()
        self.share_reported = 0.0
        self.share_lost = 0.0
        self.loses: Callable[[S], bool] = lambda _session: self._random.random() < self.share_lost
        self._random = random.Random(seed)
        shares = shares or {}
        self._choices = [*shares, Answer.TAKEN], [*shares.values(), 1 - sum(shares.values())]
        self._patience = patience
        self._patience_of: dict[S, float] = {}
        self._waiting: deque[Kept] = deque()
        self._sent: dict[S, dict[int, Kept]] = {}
        self._tests = count(1)
        self._loop = asyncio.get_running_loop()
        self._watch()

    # ---- what a kind says

    @abstractmethod
    def options(self, name: str) -> Mapping[str, object]:
        """Return the settings of the kind; the process that has them is known by ``name``."""

    @abstractmethod
    def message_body(self, number: str, text: str) -> bytes:
        """Return the body of a message of a customer to 10086."""

    @abstractmethod
    def send(self, session: S, command: int, body: bytes = b"") -> int:
        """Send a request; return its sequence number."""

    @abstractmethod
    def result_of(self, answer: P) -> int:
        """Return the result of an answer to a message or a report."""

    @abstractmethod
    def segment_of(self, pdu: P, theirs: str) -> Segment:
        """Return a segment, which gets this id."""

    @abstractmethod
    def answer_segment(self, session: S, pdu: P, answer: Answer, theirs: str) -> None:
        """Answer a segment: it is taken, throttled or broken."""

    @abstractmethod
    def behave_well(self, session: S, pdu: P) -> None:
        """Do what a good carrier does about all else."""

    @abstractmethod
    def segments_of(self, row: Row, questions: Mapping[str, str]) -> Sequence[tuple[str, bytes]]:
        """Return mark and octets of each segment in which the gateway should hand over a message of its database.

        ``questions`` has the carrier's ids of the messages that it answers, by the gateway's.
        """

    @abstractmethod
    def who(self, session: S) -> str:
        """Return the name of the process that holds a session."""

    # ---- for other threads

    def call(self, work: Callable[[], T]) -> T:
        """Run ``work`` in the carrier's thread, and return what it returns."""

        async def run() -> T:
            return work()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    def wait_for(self, holds: Callable[[], object], seconds: float) -> None:
        """Wait until something holds that changes with what comes; fail after so many seconds."""
        try:
            asyncio.run_coroutine_threadsafe(self.until(holds, seconds), self._loop).result()
        except TimeoutError:
            shown = [(self.who(one), one.began_at, one.heard_at, one.ended_at) for one in self.sessions]
            raise AssertionError(
                f"nothing of it in {seconds} s; at {time.monotonic()} of the sessions {shown}"
            ) from None

    def bring(self, number: str, text: str, when_taken: Callable[[], None]) -> Future[None]:
        """Keep a message of a customer to 10086 until the gateway has answered it; then the future is done."""
        kept = Kept(self.message_body(number, text), when_taken)
        self._loop.call_soon_threadsafe(self._keep, kept)
        return kept.taken

    def cut_some(self) -> None:
        """Break the connections of one bind or several."""

        def cut() -> None:
            found = self.open_sessions
            for session in self._random.sample(found, self._random.randint(min(1, len(found)), len(found))):
                session.cut()

        self.call(cut)

    def settings(self, folder: Path, name: str = "", **options: object) -> dict[str, str]:
        """Write the settings of gateways that bind here as ``theirs``; return variables that name them."""
        theirs = {
            "address": f"127.0.0.1:{self.port}",
            "tls": False,
            "secret": CARRIER_SECRET,
            "timeout": f"{TIMEOUT_SECONDS}s",
            "binds": 2,
            **self.options(name),
            **options,
        }
        folder.mkdir(exist_ok=True)
        path = folder / "gateway.yaml"
        path.write_text(yaml.safe_dump({"providers": {NAME: theirs}, "auto_create_subscribers": True}))
        return {"SMSGW_CONFIG": str(path)}

    # ---- what is known

    @property
    def has_all_answers(self) -> bool:
        """Whether the gateway has everything."""
        return not self._waiting and not any(self._sent.values())

    # ---- its life

    @override
    def left(self, session: S) -> None:
        self._waiting.extendleft(reversed(self._sent.pop(session, {}).values()))
        self._give()
        super().left(session)

    def hear(self, session: S, pdu: P) -> None:
        """React to a PDU."""
        if pdu.command == self.submit:
            self._take(session, pdu)
        elif pdu.command == self.delivery | ANSWER:
            self._on_answer(session, pdu)
        else:
            self.behave_well(session, pdu)
            if pdu.command in self.greetings:
                self._patience_of[session] = self._random.uniform(*self._patience) if self._patience else float("inf")
                self._give()

    def _keep(self, kept: Kept) -> None:
        self._waiting.append(kept)
        self._give()

    def _give(self) -> None:
        """Send what waits, each over any session that is there."""
        found = self.open_sessions
        while self._waiting and found:
            session, kept = self._random.choice(found), self._waiting.popleft()
            kept.sent_at = time.monotonic()
            self._sent.setdefault(session, {})[self.send(session, self.delivery, kept.body)] = kept

    def _on_answer(self, session: S, pdu: P) -> None:
        if self.loses(session):
            session.cut()
            return
        kept = self._sent.get(session, {}).pop(pdu.sequence, None)
        if result := self.result_of(pdu):
            self.objections[f"answers with result 0x{result:02X}"] += 1
        if kept is None:
            self.objections["answers to nothing"] += 1
        else:
            kept.when_taken()
            kept.taken.set_result(None)

    def _watch(self) -> None:
        """Test sessions that are silent, and cut those that leave something without an answer."""
        self._loop.call_later(1, self._watch)
        now = time.monotonic()
        for session in self.open_sessions:
            since = [kept.sent_at for kept in self._sent.get(session, {}).values()]
            if now - min(session.heard_at, *since, now) > self._patience_of[session]:
                session.cut()
            elif now - session.heard_at > _TESTED_AFTER_SECONDS:
                self.send(session, self.test)

    # ---- segments

    def _take(self, session: S, pdu: P) -> None:
        [answer] = self._random.choices(*self._choices)
        theirs = self.next_id()
        found = Submitted(self.segment_of(pdu, theirs), time.monotonic(), answer, theirs)
        self.submitted.append(found)
        if answer in (Answer.THROTTLED, Answer.BROKEN):
            self.answer_segment(session, pdu, answer, "")
            return
        if answer is not Answer.DROPPED:
            delay = LATE_SECONDS if answer is Answer.LATE else 0
            self._loop.call_later(delay, self.answer_segment, session, pdu, Answer.TAKEN, theirs)
        if self._random.random() < self.share_reported:
            self._loop.call_later(self._random.uniform(0, 1), self._report, found)

    def _report(self, found: Submitted) -> None:
        self._keep(Kept(found.segment.report, lambda: self.reported.add(found.theirs)))


K = TypeVar("K", bound=Keeping[Any, Any])
AnyKeeping = Keeping[Any, Any]


def most_at_once(sessions: Sequence[Session[Any]]) -> int:
    """Return how many sessions were open at a time."""
    now = time.monotonic()
    return max((sum(o.began_at <= one.began_at < (o.ended_at or now) for o in sessions) for one in sessions), default=0)


@contextmanager
def running(
    kind: Callable[[], K],
    seed: int = 0,
    shares: Mapping[Answer, float] | None = None,
    *,
    patience: tuple[float, float] | None = None,
) -> Iterator[K]:
    """Run a carrier on a port of its own; see ``Keeping.begin``."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def make() -> K:
        made = kind()
        made.begin(seed, shares, patience)
        await made.listen()
        return made

    made = asyncio.run_coroutine_threadsafe(make(), loop).result()
    try:
        yield made
    finally:
        asyncio.run_coroutine_threadsafe(made.close(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
