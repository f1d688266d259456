"""Strangers, too many messages, machines that answer machines (flows.md 3; safety.md 22, 25)."""

from app.commands.quiet_hours import is_held
from app.commands.replies import say
from app.domain.account import Brand, Language, Payment, Subscriber, SubscriberStatus
from app.domain.limits import Limits
from app.domain.messages import MessageClass
from app.domain.segments import measure
from app.domain.service_numbers import Extension
from app.domain.texts import answers
from app.domain.turn import Outcome, TextReceived, Turn
from app.domain.values import replace

# The verdicts of outcomes that only say so: two machines that do not understand each other must fall silent.
NOT_UNDERSTOOD = "not understood"
INCOMPLETE = "incomplete"
FORMER_CUSTOMER = "former customer"


def former_customer_outcome(turn: Turn) -> Outcome | None:
    """What becomes of a text that a former customer of the number sent: it is recorded, and nothing else."""
    received = turn.stimulus_as(TextReceived)
    tenure = turn.account.former_tenure(received.stamped_at or received.sent_at)
    return None if tenure is None else Outcome(verdict=FORMER_CUSTOMER, former_tenure=tenure)


def answer_stranger(turn: Turn, limits: Limits) -> Outcome:
    """A number that is nobody's is told so once a day."""
    if not limits.may_tell_stranger(turn.now):
        return Outcome(limits=limits, verdict="not a customer")
    reply = say(turn, answers.NOT_A_CUSTOMER.say(Language.ZH))
    return Outcome(replies=(reply,), limits=replace(limits, told_stranger_at=turn.now), verdict="not a customer")


def new_subscriber(turn: Turn) -> Subscriber:
    """Made on first contact where the settings say so; a prepaid customer of the mass brand.

    She has had the number since she sent it, or what she sends next would be taken for her predecessor's.
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


def outcome_over_rate(turn: Turn, limits: Limits, outcome: Outcome, *, kept: bool) -> Outcome:
    """Over the rate limit: stops and answers wait, queries are dropped, one notice is given.

    Where the minute is over already, as with texts that come late, what is kept runs at once.
    """
    if kept:
        until = limits.minute_over_at
        waits = until is not None and until > turn.now
        return Outcome(kept_until=until, verdict="kept: too many") if waits else outcome
    if limits.told_too_many:
        return Outcome(verdict="dropped: too many")
    reply = say(turn, answers.TOO_MANY.say(turn.account.language))
    return Outcome(replies=(reply,), limits=replace(limits, told_too_many=True), verdict="dropped: too many")


def apply_reply_limits(turn: Turn, limits: Limits, outcome: Outcome) -> Outcome:
    """The outcome of a text within the loop guard and the cap on segments.

    Beyond the cap only outcomes of changes are told; what is not shown is not asked either.
    """
    limits = outcome.limits or limits
    puzzled = outcome.verdict in (NOT_UNDERSTOOD, INCOMPLETE)
    if puzzled and not limits.may_say_not_understood(turn.now):
        # What was counted, such as wrong codes, is counted in silence, too.
        return Outcome(limits=limits, records=outcome.records, verdict="silent: loop")
    segments = sum(measure(message).segments for reply in outcome.replies for message in reply.messages)
    if segments:
        result = any(reply.kind is MessageClass.RESULT for reply in outcome.replies)
        if not result and not limits.may_send(segments, turn.now):
            return Outcome(limits=limits, verdict="silent: too many segments")
        limits = limits.count_segments(segments, turn.now)
    if puzzled:
        limits = limits.count_not_understood(turn.now)
    return replace(outcome, limits=limits)


def note_interruption(turn: Turn, outcome: Outcome) -> Outcome:
    """The outcome, with a note of text from the bare access number while a question about money was open."""
    if not outcome.replies:
        return outcome
    one_number = turn.provider.single_number
    from_access = (reply for reply in outcome.replies if one_number or reply.extension == Extension.COMMANDS)
    if not any(not is_held(reply, turn) for reply in from_access):
        return outcome
    questions = turn.account.questions.values()
    if not any(question.state.must_reach and question.closed_at is None for question in questions):
        return outcome
    limits = outcome.limits or turn.account.limits
    return replace(outcome, limits=replace(limits, interrupted_by=next(turn.ids)))
