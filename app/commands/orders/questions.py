"""Ask a subscriber to confirm an order: from a number of its own, with all terms, and with a code where required."""

from datetime import datetime
from typing import ClassVar

from app.commands.codes import fresh_code
from app.commands.orders.records import EXPIRY_TIMER, label, order_evidence, refuse_order
from app.commands.replies import say, shown
from app.domain.catalogue import ConfirmMode
from app.domain.charges import JUST_AFTER
from app.domain.dialogue import Question, QuestionState
from app.domain.matters import Matter, MatterKind
from app.domain.messages import MessageClass, Reply
from app.domain.orders import Order, OrderKind, Reason, free_number
from app.domain.service_numbers import Extension
from app.domain.subscriptions import Subscription, Terms
from app.domain.texts import orders as texts
from app.domain.turn import Outcome, TimerSet, Turn
from app.domain.values import replace, value


@value
class ConfirmingOrder(QuestionState):
    """The state of an order's question.

    ``name`` is the service as it was shown. ``named`` are the terms that a yes agrees to. With a ``code``, only the
    code is a yes. ``again`` marks a second question, asked since a yes was dated before the first: now the order of
    storing decides, not the dates.
    """

    kind: ClassVar[str] = "confirming-order"
    must_reach: ClassVar[bool] = True
    order_id: str
    name: str
    named: texts.QuotedTerms
    code: str | None = None
    again: bool = False

    @property
    def answer_code(self) -> str | None:
        """The order's code, or None."""
        return self.code


def order_asked_by(turn: Turn, question: Question) -> Order | None:
    """Return the order that a question asks about."""
    return turn.account.record(Order, question.state_as(ConfirmingOrder).order_id)


def ask(turn: Turn, order: Order, asking_reason: str | None = None, *, again: bool = False) -> Outcome:
    """Ask the subscriber to confirm an order, or refuse it if no confirmation number is free.

    ``asking_reason`` is what an agent gave as the reason, for the evidence; ``again`` is that of ``ConfirmingOrder``.
    """
    number = free_number(turn.account.records_of(Order), _numbers_in_use(turn), turn.now, turn.randbelow)
    if number is None:
        return refuse_order(turn, order, Reason.TOO_MANY_ORDERS)
    asked_order = replace(
        order,
        question_id=next(turn.ids),
        number=number,
        code=_new_code(turn, order),
        expires_at=order.expires_at or turn.now + turn.policy.confirmation_window,
    )
    reply = _question_reply(turn, asked_order)
    question = _question(turn, asked_order, reply, again=again)
    return Outcome(
        replies=(reply,),
        questions=(question,),
        records=(asked_order,),
        timers=(expiry_timer(asked_order, question.expires_at),),
        evidence=(order_evidence("order-asked", asked_order, reason=asking_reason, asked=question.asked_text),),
        verdict="asked",
    )


def _question(turn: Turn, order: Order, reply: Reply, *, again: bool) -> Question:
    return Question(
        id=order.question_id or "",
        state=ConfirmingOrder(order.id, label(turn, order), named_terms(turn, order), order.code, again),
        extension=reply.extension,
        asked_text=shown(reply),
        asked_at=turn.now,
        expires_at=order.expires_at or turn.now,
    )


def expiry_timer(order: Order, expires_at: datetime) -> TimerSet:
    """Return the timer that expires an unanswered order, just after the last instant of its window (UTC)."""
    return TimerSet(EXPIRY_TIMER, order.id, expires_at + JUST_AFTER)


def matter_of(order: Order) -> Matter:
    """Return the matter of an order's question, by which its delivery outcome is reported."""
    return Matter(MatterKind.ORDER, order.id, str(order.number))


def _numbers_in_use(turn: Turn) -> set[str]:
    questions = (item for item in turn.account.questions.values() if isinstance(item.state, ConfirmingOrder))
    recent = (question for question in questions if question.is_open(turn.now) or question.ended_recently(turn.now))
    return {question.extension.removeprefix(Extension.CONFIRMATION) for question in recent}


def _new_code(turn: Turn, order: Order) -> str | None:
    """Draw a code if the SP, the settings or a single-number provider require one (safety.md 6, 7)."""
    sp = turn.catalogue.providers[order.terms.sp_code] if order.terms else None
    mode = (sp.confirm_mode if sp else None) or turn.policy.confirm_mode
    if mode is ConfirmMode.FIXED and not turn.provider.single_number:
        return None
    return fresh_code(turn)


def _question_reply(turn: Turn, order: Order) -> Reply:
    return say(
        turn,
        _question_text(turn, order),
        extension=f"{Extension.CONFIRMATION}{order.number}",
        kind=MessageClass.CONFIRMATION,
        question_id=order.question_id,
        about=matter_of(order),
        notify=True,
    )


def _question_text(turn: Turn, order: Order) -> str:
    language, window = turn.account.language, turn.policy.confirmation_window
    facts, held = question_facts(turn, order), turn.account.subscriptions.get(order.subscription_id or "")
    if held is None:
        return texts.ask_order(language, facts, window)
    ends_at = held.ends_at or held.trial_ends_at or turn.now
    match order.kind:
        case OrderKind.KEEP:
            return texts.ask_keep(language, facts, ends_at, resumed_trial_end(held, ends_at), window)
        case OrderKind.TERMS:
            return texts.ask_terms(language, facts, held.terms.price_fen, order.takes_effect_at or ends_at)
        case _:
            return texts.ask_trial(language, facts, ends_at)


def resumed_trial_end(held: Subscription, at: datetime) -> datetime | None:
    """Return the end (UTC) of the trial that continues if an unsubscribed service is kept; None if over by ``at``."""
    unsubscribed_in_trial = held.trial_ends_at is not None and held.unsubscribed_at is not None
    return held.trial_ends_at if unsubscribed_in_trial and held.trial_ends_at and held.trial_ends_at >= at else None


def named_terms(turn: Turn, order: Order) -> texts.QuotedTerms:
    """Return the terms that the question names and a yes agrees to (safety.md 4, 5)."""
    service = turn.catalogue.services[order.service_code]
    terms = order.terms or Terms.of(service)
    held = turn.account.subscriptions.get(order.subscription_id or "")
    is_new = order.kind is OrderKind.ORDER
    by_sms = held.can_be_unsubscribed_by_sms(service) if held else service.cancellable_by_sms
    return texts.QuotedTerms(
        sp=turn.catalogue.providers[terms.sp_code].short_name,
        name=service.name,
        price_fen=terms.price_fen,
        billing=terms.billing,
        cancel_effect=terms.cancel_effect,
        trial_days=order.trial_days,
        had_trial=is_new and service.trial_days > 0 and not order.trial_days,
        free_hours=order.free_hours if is_new else None,
        trial_ends_at=held.trial_ends_at if held and order.kind is OrderKind.TRIAL else None,
        by_sms=by_sms,
        how_to_leave=None if by_sms else service.cancel_how,
    )


def question_facts(turn: Turn, order: Order) -> texts.ConfirmationQuestion:
    """Return what the question's text says: the terms and how to answer."""
    return texts.ConfirmationQuestion(
        named_terms(turn, order), turn.policy.numbers.access, order.code, free_reply=turn.provider.free_mo
    )
