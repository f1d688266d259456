"""An SMSC in the test's own process: what it was given and what it keeps is known whatever happens to the gateway.

It keeps what it has for the gateway until that is answered, and sends it again in another session.
"""

import asyncio
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TypeVar

import yaml
from typing_extensions import override

from app.toys.smsc import (
    ANSWER,
    BINDS,
    DELIVER,
    ENQUIRE,
    SUBMIT,
    Message,
    Pdu,
    Session,
    Smsc,
    behave,
    deliver_body,
    read_submit,
    receipt,
)
from tests.crash.carrier import LATE_SECONDS, TIMEOUT_SECONDS, Answer
from tests.crash.process import CARRIER_SECRET

NAME = "theirs"
_STATUS = {Answer.THROTTLED: 0x58, Answer.BROKEN: 0x08}
_UDHI, _UDH_OCTETS, _USER_MESSAGE_REFERENCE = 0x40, 6, 0x0204
UCS2 = 0x08
_TESTED_AFTER_SECONDS = 3.0
_T = TypeVar("_T")


@dataclass(eq=False)
class Kept:
    """A deliver_sm that the SMSC keeps until it is answered.

    Attributes:
        when_taken: is called then, in the SMSC's thread, before ``taken`` is done.
        sent_at: when it was sent last, in monotonic seconds.
    """

    body: bytes
    when_taken: Callable[[], None]
    taken: Future[None] = field(default_factory=Future)
    sent_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Submitted:
    """A segment that came: when in monotonic seconds, what became of it, and the SMSC's id of it."""

    message: Message
    at: float
    answer: Answer
    theirs: str

    @property
    def number(self) -> str:
        """To whom it is sent."""
        return f"+{self.message.destination[2]}"

    @property
    def _header(self) -> bytes:
        return self.message.short_message[: _UDH_OCTETS if self.message.esm_class & _UDHI else 0]

    @property
    def part(self) -> int:
        """Which segment of its message it is, from 1."""
        return self._header[-1] if self._header else 1

    @property
    def octets(self) -> bytes:
        """Its text."""
        return self.message.short_message[len(self._header) :]

    @property
    def end_of_reference(self) -> int:
        """The last 16 bits of the gateway's reference."""
        return int.from_bytes(self.message.tlvs[_USER_MESSAGE_REFERENCE])

    @property
    def attempt(self) -> tuple[object, ...]:
        """What the segments of an attempt have in common."""
        return self.number, self.end_of_reference, self._header[:-1] or self.octets


class KeepingSmsc(Smsc):
    """A toy that keeps and repeats. It lives in a thread of its own; ``call`` and ``wait_for`` are for the others.

    Attributes:
        submitted: the segments that came, in order.
        reported: its ids of the segments whose receipts the gateway has.
        objections: what the gateway should not have answered to a deliver_sm, and how often it did.
        share_reported: of the segments that it takes, how many it sends a receipt for.
        share_lost: of the answers to what it keeps, how many get lost, with their sessions.
        loses: whether the next answer of a session gets lost; by default as ``share_lost`` says.
    """

    def __init__(
        self,
        seed: int = 0,
        shares: Mapping[Answer, float] | None = None,
        *,
        patience: tuple[float, float] | None = None,
    ) -> None:
        """Make it in its event loop.

        ``shares``: which part of the segments is answered otherwise than at once and well, drawn by ``seed``.
        ``patience``: between how many seconds without an answer it cuts a session; None: it never does.
        """
        super().__init__(behaviour=self._hear)
        self.submitted: list[Submitted] = []
        self.reported: set[str] = set()
        self.objections: Counter[str] = Counter()
        self.share_reported = 0.0
        self.share_lost = 0.0
        self.loses: Callable[[Session], bool] = lambda _session: self._random.random() < self.share_lost
        self._random = random.Random(seed)
        shares = shares or {}
        self._choices = [*shares, Answer.TAKEN], [*shares.values(), 1 - sum(shares.values())]
        self._patience = patience
        self._patience_of: dict[Session, float] = {}
        self._waiting: deque[Kept] = deque()
        self._sent: dict[Session, dict[int, Kept]] = {}
        self._tests = count(1)
        self._loop = asyncio.get_running_loop()
        self._watch()

    # ---- for other threads

    def call(self, work: Callable[[], _T]) -> _T:
        """Run ``work`` in the SMSC's thread, and return what it returns."""

        async def run() -> _T:
            return work()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    def wait_for(self, holds: Callable[[], object], seconds: float) -> None:
        """Wait until something holds that changes with what comes; fail after so many seconds."""
        try:
            asyncio.run_coroutine_threadsafe(self.until(holds, seconds), self._loop).result()
        except TimeoutError:
            shown = [(who(one), one.began_at, one.heard_at, one.ended_at) for one in self.sessions]
            raise AssertionError(
                f"nothing of it in {seconds} s; at {time.monotonic()} of the sessions {shown}"
            ) from None

    def bring(self, number: str, text: str, when_taken: Callable[[], None]) -> Future[None]:
        """Keep a message of a customer to 10086 until the gateway has answered it; then the future is done."""
        body = deliver_body(number.removeprefix("+"), "10086", text.encode("utf-16-be"), data_coding=UCS2)
        kept = Kept(body, when_taken)
        self._loop.call_soon_threadsafe(self._keep, kept)
        return kept.taken

    def cut_some(self) -> None:
        """Break the connections of one bind or several."""

        def cut() -> None:
            found = self.open_sessions
            for session in self._random.sample(found, self._random.randint(min(1, len(found)), len(found))):
                session.cut()

        self.call(cut)

    def settings(self, folder: Path, **options: object) -> dict[str, str]:
        """Write the settings of gateways that bind here as ``theirs``; return variables that name them."""
        theirs = {
            "kind": "smpp",
            "address": f"127.0.0.1:{self.port}",
            "tls": False,
            "system_id": "smsgw",
            "secret": CARRIER_SECRET,
            "timeout": f"{TIMEOUT_SECONDS}s",
            "binds": 2,
            **options,
        }
        folder.mkdir(exist_ok=True)
        path = folder / "gateway.yaml"
        path.write_text(yaml.safe_dump({"providers": {NAME: theirs}, "auto_create_subscribers": True}))
        return {"SMSGW_CONFIG": str(path)}

    # ---- what is known

    @property
    def open_sessions(self) -> list[Session]:
        """The bound sessions that have not ended."""
        return [one for one in self.sessions if one.bound and one.is_open]

    @property
    def has_all_answers(self) -> bool:
        """Whether the gateway has everything."""
        return not self._waiting and not any(self._sent.values())

    # ---- its life

    @override
    def left(self, session: Session) -> None:
        self._waiting.extendleft(reversed(self._sent.pop(session, {}).values()))
        self._give()
        super().left(session)

    def _hear(self, session: Session, pdu: Pdu) -> None:
        if pdu.command == SUBMIT:
            self._take(session, pdu)
        elif pdu.command == DELIVER | ANSWER:
            self._on_answer(session, pdu)
        else:
            behave(session, pdu)
            if pdu.command in BINDS:
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
            self._sent.setdefault(session, {})[self.deliver(session, kept.body)] = kept

    def _on_answer(self, session: Session, pdu: Pdu) -> None:
        if self.loses(session):
            session.cut()
            return
        kept = self._sent.get(session, {}).pop(pdu.sequence, None)
        if pdu.status:
            self.objections[f"answers with status 0x{pdu.status:02X}"] += 1
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
                session.send(ENQUIRE, next(self._tests))

    # ---- segments

    def _take(self, session: Session, pdu: Pdu) -> None:
        [answer] = self._random.choices(*self._choices)
        found = Submitted(read_submit(pdu.body), time.monotonic(), answer, self.next_id())
        self.submitted.append(found)
        if answer in _STATUS:
            session.answer(pdu, status=_STATUS[answer])
            return
        if answer is not Answer.DROPPED:
            delay = LATE_SECONDS if answer is Answer.LATE else 0
            self._loop.call_later(delay, session.answer, pdu, found.theirs.encode() + b"\0")
        if self._random.random() < self.share_reported:
            self._loop.call_later(self._random.uniform(0, 1), self._report, found)

    def _report(self, segment: Submitted) -> None:
        self._keep(Kept(receipt(segment.message, segment.theirs), lambda: self.reported.add(segment.theirs)))


def who(session: Session) -> str:
    """Return the system_type of a session's bind, by which tests tell processes apart."""
    bind = next((pdu for pdu in session.pdus if pdu.command in BINDS), None)
    return bind.body.split(b"\0")[2].decode() if bind else ""


def most_at_once(sessions: Sequence[Session]) -> int:
    """Return how many sessions were open at a time."""
    now = time.monotonic()
    return max((sum(o.began_at <= one.began_at < (o.ended_at or now) for o in sessions) for one in sessions), default=0)


@contextmanager
def smsc(
    seed: int = 0,
    shares: Mapping[Answer, float] | None = None,
    *,
    patience: tuple[float, float] | None = None,
) -> Iterator[KeepingSmsc]:
    """Run an SMSC on a port of its own; see ``KeepingSmsc``."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def make() -> KeepingSmsc:
        made = KeepingSmsc(seed, shares, patience=patience)
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
