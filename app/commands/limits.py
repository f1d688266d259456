"""Texts of strangers and former customers, and limits: rate, loops, segments (flows.md 3; safety.md 22, 25)."""

from app.commands.quiet_hours import is_held
from app.commands.replies import say
from app.domain.account import Brand, Language, Payment, Subscriber, SubscriberStatus
from app.domain.limits import Limits
from app.domain.messages import MessageClass, Reply
from app.domain.records import Record
from app.domain.segments import measure
from app.domain.service_numbers import Extension
from app.domain.texts import answers
from app.domain.turn import Handled, Outcome, Postponed, TextReceived, Turn
from app.domain.values import replace

# Verdicts of outcomes whose reply only says so, or that have none.
NOT_UNDERSTOOD = "not understood"
NOT_A_CUSTOMER = "not a customer"
OVER_RATE = "dropped: too many"
LOOP = "silent: loop"
TOO_MANY_SEGMENTS = "silent: too many segments"
INCOMPLETE = "incomplete"
FORMER_CUSTOMER = "former customer"
# The verdict of an MO that waits until the minute of the rate limit is over.
KEPT = "kept"


def not_understood(*replies: Reply, records: tuple[Record, ...] = ()) -> Outcome:
    """Return the outcome of a text that was not understood, with the replies that say so."""
    return Outcome(replies=replies, records=records, verdict=NOT_UNDERSTOOD, understood=False)


def former_customer_outcome(turn: Turn) -> Outcome | None:
    """Return the outcome of a former customer's text, which is only recorded; None if the text is the subscriber's."""
    received = turn.stimulus_as(TextReceived)
    tenure = turn.account.former_tenure(received.stamped_at or received.sent_at)
    return None if tenure is None else Outcome(verdict=FORMER_CUSTOMER, former_tenure=tenure)


def answer_stranger(turn: Turn, limits: Limits) -> Outcome:
    """Tell a number without a subscriber that it has none, once a day."""
    if not limits.may_tell_stranger(turn.now):
        return Outcome(limits=limits, verdict=NOT_A_CUSTOMER)
    reply = say(turn, answers.NOT_A_CUSTOMER.say(Language.ZH))
    return Outcome(replies=(reply,), limits=replace(limits, told_stranger_at=turn.now), verdict=NOT_A_CUSTOMER)


def new_subscriber(turn: Turn) -> Subscriber:
    """Return a prepaid subscriber of the mass brand, for deployments that create one on the first message.

    A second tenure begins when that message was sent, else the next one would be taken for the former customer's.
    """
    before = turn.account.subscriber
    received = turn.stimulus_as(TextReceived)
    return Subscriber(
        msisdn=turn.account.msisdn,
        tenure=before.tenure + 1 if before else 1,
        brand=Brand.EASYOWN,
        vip=False,
        payment=Payment.PREPAID,
        balance_fen=0,
        points=0,
        status=SubscriberStatus.ACTIVE,
        language=Language.ZH,
        plan=None,
        password_hash=None,
        created_at=(received.stamped_at or received.sent_at) if before else turn.now,
    )


def outcome_over_rate(turn: Turn, limits: Limits, outcome: Handled, *, kept: bool) -> Handled:
    """Return the outcome of a text beyond the rate limit.

    A kept text (an answer, or a command that ends something) waits until the minute is over, and runs at once if it
    is over already, as for a text that comes late. A query is dropped, and the first one gets a notice.
    """
    if kept:
        until = limits.minute_over_at
        return Postponed(until, limits) if until is not None and until > turn.now else outcome
    if limits.told_too_many:
        return Outcome(verdict=OVER_RATE)
    reply = say(turn, answers.TOO_MANY.say(turn.account.language))
    return Outcome(replies=(reply,), limits=replace(limits, told_too_many=True), verdict=OVER_RATE)


def apply_reply_limits(turn: Turn, limits: Limits, outcome: Outcome) -> Outcome:
    """Return the outcome as the loop guard and the cap on segments allow it.

    By the loop guard two machines that do not understand each other fall silent.

    Beyond the cap only replies about changes are sent. Other outcomes are dropped as a whole, so that no question is
    open that was not shown.
    """
    limits = outcome.limits or limits
    if not outcome.understood and not limits.may_say_not_understood(turn.now):
        # Records are written in silence, too, as they count wrong codes.
        return Outcome(limits=limits, records=outcome.records, verdict=LOOP)
    segments = sum(measure(message).segments for reply in outcome.replies for message in reply.messages)
    if segments:
        result = any(reply.kind is MessageClass.RESULT for reply in outcome.replies)
        if not result and not limits.may_send(segments, turn.now):
            return Outcome(limits=limits, verdict=TOO_MANY_SEGMENTS)
        limits = limits.count_segments(segments, turn.now)
    if not outcome.understood:
        limits = limits.count_not_understood(turn.now)
    return replace(outcome, limits=limits)


def note_interruption(turn: Turn, outcome: Outcome) -> Outcome:
    """Record in the limits that the access number itself sends text while a question about money is open."""
    if not outcome.replies:
        return outcome
    single_number = turn.provider.single_number
    from_access = (reply for reply in outcome.replies if single_number or reply.extension == Extension.COMMANDS)
    if not any(not is_held(reply, turn) for reply in from_access):
        return outcome
    if not any(question.state.must_reach for question in turn.account.unclosed_questions()):
        return outcome
    limits = outcome.limits or turn.account.limits
    return replace(outcome, limits=replace(limits, interrupted_by=next(turn.ids)))
