"""Plays a written conversation against the commands, with the account in memory.

    > 0000                              the subscriber sends a text to 10086
    > [10086977] 1，3                   … to another number of the gateway
    < [10086977] …1、彩铃5元/月；…      the next message to the subscriber; … matches anything
    < [10086977 result] …               … and its message class
    <                                   no message comes
    @ +2h                               time passes (s, m, h, d); timers run as they fall due
    @ 2026-03-31 23:59:59               … up to a time in Shanghai
    = CL ended, SJB ending 2026-03-31   states of subscriptions now
    ! lost                              the network refuses the messages that came last
    ! refusing                          … refuses all from now on
    ! taking                            … takes messages again
    # …                                 a comment

After a text, write either all messages that come back, in order, or none: without ``<`` they are not checked. ``↵`` is a
line break within a text. A confirmation number, 10086204NN, may be another one than is drawn when the transcript is
played: the first message from it says which one it stands for. The handset page writes conversations down in this form.
"""

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache

from app.commands.collecting import load
from app.commands.limits import note_interruption
from app.commands.quiet_hours import HOLD_TIMER, hold, is_held
from app.commands.registry import ALL_RECORDS, Registry
from app.commands.router import Router
from app.db.records import KINDS
from app.domain.account import Account, Subscriber
from app.domain.calendar import local, local_day
from app.domain.catalogue import Catalogue
from app.domain.dialogue import RESPONDING, Arrival
from app.domain.escape import escape
from app.domain.evidence import EVIDENCE_KINDS, ChainHead, EvidenceDraft, EvidenceRecord, append, verify
from app.domain.masking import mask
from app.domain.matters import MESSAGE_OUTCOME, DeliveryOutcome, MessageOutcome
from app.domain.messages import Reply
from app.domain.passwords import PasswordCheck, PasswordCheckResult
from app.domain.policy import Policy, ProviderTraits
from app.domain.subscriptions import Subscription
from app.domain.turn import (
    AwaitPassword,
    Handled,
    Outcome,
    Postponed,
    Stimulus,
    TextReceived,
    TimerDue,
    TimerSet,
    Turn,
    Waiting,
    apply,
)
from tests.commands.world import CATALOGUE, FOUR, MSISDN, SUBSCRIBER, shanghai

START = "2026-03-02 10:00"
# The possible counts of free confirmation numbers in a transcript.
_FREE_NUMBERS = range(90, 101)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_TARGET = re.compile(r"\[(?P<number>\d+)(?: (?P<kind>\w+))?\] ?")
_CONFIRMATION = re.compile(r"(?<!\d)10086204\d\d(?!\d)")
_MASKED = "******"


def hashed(password: str) -> str:
    """Stands in for a slow hash."""
    return f"hash of {password[::-1]}"


@cache
def registry() -> Registry:
    return load({})


def policy(**settings: object) -> Policy:
    chosen = replace(Policy(menu=registry().menu), **settings)  # type: ignore[arg-type]
    known = load(chosen.aliases) if chosen.aliases else registry()
    return replace(chosen, keywords=known.all_keywords)


@dataclass(frozen=True)
class Sent:
    """A message on the handset."""

    number: str
    text: str
    kind: str


@dataclass
class Conversation:
    """One subscriber with a handset, and the commands; the clock stands still unless it is moved."""

    subscriber: Subscriber | None = SUBSCRIBER
    has: tuple[Subscription, ...] = FOUR
    start: str = START
    catalogue: Catalogue = CATALOGUE
    policy: Policy = field(default_factory=policy)
    carrier: ProviderTraits = field(default_factory=lambda: ProviderTraits("test", free_mo=True))
    sent: list[Sent] = field(default_factory=list)
    log: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.now = shanghai(self.start)
        self.account = Account(MSISDN, self.subscriber, {item.id: item for item in self.has})
        self.router = Router(registry())
        self.outcome = Outcome()
        self.answered = Outcome()
        self.waiting: Waiting | None = None
        self.evidence: list[EvidenceRecord] = []
        self.timers: dict[tuple[str, str], TimerSet] = {}
        self.ids: Iterator[str] = (f"id-{number:06}" for number in itertools.count(1))
        self.kept: list[TextReceived] = []
        self.taking = True
        # How far questions get when the network takes messages; TAKEN is a receipt.
        self.receipt = Arrival.TAKEN
        self.arrivals: dict[str, Arrival] = {}
        self._numbers = itertools.count()
        # Confirmation numbers: as the transcript has them, and as they were drawn.
        self._drawn: dict[str, str] = {}
        self.account = self.account.with_records({kind: {} for kind in KINDS})

    # ---- what happens

    def text(
        self,
        text: str,
        to: str = "10086",
        *,
        sent_at: datetime | None = None,
        missing: int = 0,
        stamped_at: datetime | None = None,
    ) -> list[Sent]:
        """Send a text from the handset; return the messages that come back. ``missing`` counts parts that never came."""
        self.log.append(f"{local(self.now):%m-%d %H:%M:%S} > [{to}] {text[:200]!r}")
        shown = mask(text)
        stored = escape(text if shown is None else shown)
        sent_at = sent_at or self.now
        received = TextReceived(
            next(self.ids),
            to,
            text,
            stored,
            sent_at,
            missing=missing,
            stamped_at=stamped_at,
            stored_at=self.now,
        )
        return self.happens(received, received.sent_at)

    def happens(self, stimulus: Stimulus, at: datetime | None = None) -> list[Sent]:
        """Run one turn; return the messages that come back. ``at`` is when the stimulus happened, by default now."""
        self._forget()
        needed = self.router.needs(stimulus, self.account, self.policy.numbers)
        reads = self.router.reads(stimulus, self.policy.numbers)
        kinds = KINDS if reads is ALL_RECORDS else reads
        account = replace(
            self.account,
            evidence=tuple(self.evidence) if needed else (),
            records={kind: self.account.records[kind] for kind in kinds},
            arrivals=dict(self.arrivals) if isinstance(stimulus, TextReceived) else {},
        )
        turn = Turn(
            stimulus,
            account,
            self.catalogue,
            self.policy,
            self.carrier,
            at or self.now,
            self.now,
            self.ids,
            self.randbelow,
        )
        handled = self.router.handle(turn)
        if isinstance(handled, AwaitPassword):
            handled = self._second_pass(turn, handled.check)
        self.waiting = None if isinstance(handled, Outcome) else handled
        outcome = note_interruption(turn, handled) if isinstance(handled, Outcome) else Outcome()
        self.outcome = outcome
        before = len(self.sent)
        if isinstance(handled, Postponed) and isinstance(stimulus, TextReceived):
            self.kept.append(replace(stimulus, kept=True))
            self.timers["kept", stimulus.id] = TimerSet("kept", stimulus.id, handled.until)
            self.account = replace(self.account, limits=handled.limits)
            return []
        self.take(outcome)
        self._tell()
        self.answered = outcome
        return self.sent[before:]

    def _second_pass(self, turn: Turn, check: PasswordCheck) -> Handled:
        """Store the try, check the password, and run the turn again with the result."""
        self.account = apply(self.account, Outcome(records=(check.tries,)))
        right = check.known_hash == hashed(check.password)
        checked = PasswordCheckResult(check.known_hash, hashed(check.wanted) if right else None)
        account = apply(turn.account, Outcome(records=(check.tries,)))
        return self.router.handle(replace(turn, account=account, password_result=checked))

    def randbelow(self, sides: int) -> int:
        """Draw a code other than the last one; of the free confirmation numbers always the first, so that tests know it."""
        return next(self._numbers) * 2_659 % sides if sides not in _FREE_NUMBERS else 0

    def _tell(self) -> None:
        """Run the turns that report delivery outcomes."""
        told = [key for key, timer in self.timers.items() if timer.kind.startswith(MESSAGE_OUTCOME)]
        for timer in [self.timers.pop(key) for key in told]:
            self.happens(TimerDue(timer.kind, timer.subject, timer.due_at, timer.data), timer.due_at)

    def take(self, outcome: Outcome) -> None:
        ids = [question.id for question in outcome.questions]
        assert len(ids) == len(set(ids)), "a question is written twice in one outcome"
        if outcome.tenure_ended:
            self.timers.clear()
        before = self.account.subscriber
        self.account = apply(self.account, outcome)
        if before and outcome.subscriber and before.tenure != outcome.subscriber.tenure:
            self.evidence = []
        for draft in outcome.evidence:
            self.record(draft)
        self.timers.update({(timer.kind, timer.subject): timer for timer in outcome.timers})
        for drop in outcome.dropped_timers:
            if not any((timer.kind, timer.subject) == (drop.kind, drop.subject) for timer in outcome.timers):
                self.timers.pop((drop.kind, drop.subject), None)
        for about in outcome.superseded:
            self.timers.pop((HOLD_TIMER, str(about)), None)
        for reply in outcome.replies:
            self._deliver(reply)

    def _deliver(self, reply: Reply) -> None:
        turn = Turn(
            Stimulus(),
            self.account,
            self.catalogue,
            self.policy,
            self.carrier,
            self.now,
            self.now,
            self.ids,
            self.randbelow,
        )
        if is_held(reply, turn):
            held = hold(reply, next(self.ids), turn)
            self.timers[held.kind, held.subject] = held
            return
        unanswered = self.receipt is not Arrival.TAKEN and reply.question_id is not None
        if unanswered and reply.question_id is not None:
            self.arrivals[reply.question_id] = self.receipt
        if reply.notify and reply.about is not None and not unanswered:
            what = MessageOutcome(reply.about, DeliveryOutcome.TAKEN if self.taking else DeliveryOutcome.FAILED)
            timer = TimerSet(reply.about.kind.outcome_timer, next(self.ids), self.now, what.data())
            self.timers[timer.kind, timer.subject] = timer
        if not self.taking:
            return
        extension = "" if self.carrier.single_number else reply.extension
        number = self.policy.numbers.number(extension)
        for message in reply.messages:
            self.sent.append(Sent(number, message, reply.kind.value))
            self.log.append(f"{'':15}< [{number} {reply.kind}] {message}")
        if reply.question_id is not None and not unanswered:
            question = self.account.questions[reply.question_id]
            handed_over = {reply.question_id: replace(question, handed_over_at=self.now)}
            self.account = replace(self.account, questions={**self.account.questions, **handed_over})

    def record(self, draft: EvidenceDraft) -> None:
        """Append to the chain of evidence."""
        assert draft.kind in EVIDENCE_KINDS, f"add {draft.kind} to EVIDENCE_KINDS"
        tenure = self.account.subscriber.tenure if self.account.subscriber else 0
        last = self.evidence[-1] if self.evidence else None
        head = ChainHead(last.seq, last.hash) if last else ChainHead()
        self.evidence.append(append(head, draft, msisdn=MSISDN, tenure=tenure, at=self.now, salt="5a17"))

    def _forget(self) -> None:
        """Remove the questions that storage no longer loads: replaced ones, and those that ended long ago."""
        since = self.now - timedelta(days=8)
        questions = {
            id_: question
            for id_, question in self.account.questions.items()
            if question.closed_as in RESPONDING and question.expires_at >= since
        }
        self.account = replace(self.account, questions=questions)

    def lose(self) -> None:
        """Refuse, as the network, the messages of the last outcome."""
        asked = {reply.question_id for reply in self.outcome.replies}
        failed = [
            replace(question, failed_at=self.now) for id_, question in self.account.questions.items() if id_ in asked
        ]
        self.account = apply(self.account, Outcome(questions=tuple(failed)))

    def move(self, to: datetime) -> None:
        """Move the clock; run the timers that fall due on the way."""
        while due := sorted(
            (moment, timer.kind != "kept", key)
            for key, timer in self.timers.items()
            if (moment := self._turn_of(timer)) <= to
        ):
            moment, _, key = due[0]
            timer = self.timers.pop(key)
            self.now = max(self.now, moment)
            if timer.kind == "kept":
                text = next(item for item in self.kept if item.id == timer.subject)
                self.log.append(f"{local(self.now):%m-%d %H:%M:%S} (kept) {text.text!r}")
                self.happens(text, text.sent_at)
            else:
                self.happens(TimerDue(timer.kind, timer.subject, timer.due_at, timer.data), timer.due_at)
        self.now = to

    def _turn_of(self, timer: TimerSet) -> datetime:
        """Return when a timer runs: it waits for kept texts that were sent before it was due (safety.md 21)."""
        kept = {text.id for text in self.kept if text.sent_at <= timer.due_at}
        behind = [item.due_at for item in self.timers.values() if item.kind == "kept" and item.subject in kept]
        return timer.due_at if timer.kind == "kept" else max([timer.due_at, *behind])

    # ---- states

    def states(self) -> Mapping[str, str]:
        """Return the states of the subscriptions, as they are written in a transcript."""
        found = {}
        for item in sorted(self.account.subscriptions.values(), key=lambda item: item.started_at):
            ends = f" {local_day(item.ends_at)}" if item.ends_at and item.state == "ending" else ""
            found[item.service_code] = item.state.value + ends
        return found

    def ended(self) -> set[str]:
        """Return the codes of the services that were unsubscribed, even if they still run."""
        return {item.service_code for item in self.account.subscriptions.values() if item.unsubscribed_at}

    def chain_is_whole(self) -> bool:
        """Return True if the chain of evidence verifies."""
        last = self.evidence[-1]
        return verify(self.evidence, ChainHead(last.seq, last.hash)).ok

    # ---- transcripts

    def play(self, transcript: str) -> "Conversation":
        """Play a transcript. Raise AssertionError with the whole conversation at a line that does not match."""
        came: list[Sent] = []
        looked_at = True
        for line in filter(None, map(str.strip, transcript.splitlines())):
            sign, rest = line[0], line[1:].strip()
            if sign in ">@=" and looked_at and came:
                self._fail(line, f"something more came: {came}")
            match sign:
                case ">":
                    came, looked_at = self._say(line, rest), False
                case "@":
                    before = len(self.sent)
                    self.move(self._moment(rest))
                    came, looked_at = self.sent[before:], False
                case "<":
                    looked_at = True
                    came = self._expect(line, rest, came)
                case "=":
                    self._expect_states(line, rest)
                case "!":
                    self._network(line, rest)
                case "#":
                    pass
                case _:
                    self._fail(line, "this is no line of a transcript")
        if looked_at and came:
            self._fail("the end", f"something more came: {came}")
        return self

    def _say(self, line: str, rest: str) -> list[Sent]:
        target = _TARGET.match(rest)
        words = (rest[target.end() :] if target else rest).replace("↵", "\n")
        if _MASKED in words:
            self._fail(line, f"a password is masked here: write one in place of {_MASKED}")
        number = self._drawn_for(target["number"]) if target else "10086"
        return self.text(self._drawn_for(words), number)

    def _network(self, line: str, rest: str) -> None:
        match rest:
            case "lost":
                self.lose()
            case "refusing" | "taking":
                self.taking = rest == "taking"
            case _:
                self._fail(line, "the network is lost, refusing or taking")

    def _moment(self, text: str) -> datetime:
        if not text.startswith("+"):
            return shanghai(text)
        return self.now + timedelta(
            seconds=sum(int(n) * _UNITS[unit] for n, unit in re.findall(r"(\d+)([smhd])", text))
        )

    def _expect(self, line: str, rest: str, came: list[Sent]) -> list[Sent]:
        if not rest:
            if came:
                self._fail(line, f"nothing should come, but: {came}")
            return []
        if not came:
            self._fail(line, "nothing came")
        target = _TARGET.match(rest)
        if target:
            self._learn(target["number"], came[0].number)
        of_target = self._drawn_for(target["number"]) if target else ""
        if target and (of_target != came[0].number or target["kind"] not in (None, came[0].kind)):
            self._fail(line, f"it came from [{came[0].number} {came[0].kind}]")
        pattern = self._drawn_for(rest[target.end() :] if target else rest).replace("↵", "\n")
        regex = ".*".join(re.escape(part.strip()) for part in pattern.split("…"))
        if not re.fullmatch(regex, came[0].text, re.DOTALL):
            self._fail(line, f"it says: {came[0].text}")
        return came[1:]

    def _learn(self, written: str, drawn: str) -> None:
        """Note which number a written confirmation number stands for; each stands for one."""
        if _CONFIRMATION.fullmatch(written) and _CONFIRMATION.fullmatch(drawn) and drawn not in self._drawn.values():
            self._drawn.setdefault(written, drawn)

    def _drawn_for(self, text: str) -> str:
        """Return a text with each confirmation number that was seen replaced by the one that was drawn."""
        return _CONFIRMATION.sub(lambda found: self._drawn.get(found[0], found[0]), text)

    def _expect_states(self, line: str, rest: str) -> None:
        states = self.states()
        for expected in rest.split(","):
            code, _, state = expected.strip().partition(" ")
            if states.get(code, "never") != state:
                self._fail(line, f"{code} is {states.get(code, 'never')}")

    def _fail(self, line: str, why: str) -> None:
        raise AssertionError("\n".join([*self.log, "", f"{line}", f"  {why}"]))


def play(transcript: str, **given: object) -> Conversation:
    """Play a transcript with a new subscriber."""
    return Conversation(**given).play(transcript)  # type: ignore[arg-type]
