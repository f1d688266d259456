"""Disputes: answers to a charge reminder, in time, late or ambiguous (flows.md 7, 17)."""

from collections.abc import Iterable

from app.commands.charges.labels import describe
from app.commands.charges.refunding import is_refundable, refund_part
from app.commands.charges.reminding import DisputingCharge, move_windows, open_window
from app.commands.charges.settling import evidence_of, settle
from app.commands.codes import codes_in
from app.commands.parser import Said
from app.commands.question_handlers import TOO_LATE, Answer, Fit, QuestionHandler
from app.commands.registry import answer
from app.commands.replies import number_of, say
from app.commands.ticketing import open_ticket
from app.commands.vocabulary import UNSUBSCRIBE_WORDS
from app.domain.charges import Charge, ChargeKind, ChargeState, window_end
from app.domain.dialogue import Arrival, ClosedAs, Question
from app.domain.merging import merge_outcomes
from app.domain.messages import MessageClass
from app.domain.service_numbers import Extension
from app.domain.texts import fees as texts
from app.domain.texts import wording
from app.domain.texts.wording import Text
from app.domain.tickets import Ticket, TicketKind
from app.domain.turn import Outcome, TextReceived, Turn, apply
from app.domain.values import replace


def charge_of(turn: Turn, question: Question) -> Charge | None:
    """Return the charge of a reminder's question, or None if it was not loaded."""
    return turn.account.record(Charge, question.state_as(DisputingCharge).charge_id)


def _sentence(turn: Turn, text: Text, charge: Charge, **facts: str) -> str:
    return text.say(turn.account.language, what=describe(turn, charge), **facts)


def _result(turn: Turn, text: str) -> Outcome:
    return Outcome(replies=(say(turn, text, extension=Extension.FEES, kind=MessageClass.RESULT),))


def _is_unsubscribe_word(said: Said) -> bool:
    return said.key in UNSUBSCRIBE_WORDS


def dispute_late(turn: Turn, question: Question, said: Said | None) -> Outcome:
    """Open a complaint for a dispute after its window; answer a repeated one with the state of the charge."""
    charge = charge_of(turn, question)
    if charge is None:
        return Outcome(verdict=TOO_LATE)
    if charge.state in (ChargeState.WAIVED, ChargeState.CANCELLED):
        return _result(turn, _sentence_with_ticket(turn, texts.ALREADY_FREE, charge, None))
    ticket = turn.account.record(Ticket, charge.ticket_id or "")
    if ticket is not None:
        text = texts.ALREADY_DISPUTED if charge.state is ChargeState.DISPUTED else texts.ALREADY_UPHELD
        return _result(turn, _sentence_with_ticket(turn, text, charge, ticket))
    return complain_about_charges(turn, _charges_disputed_late(turn, charge, said))


def _charges_disputed_late(turn: Turn, charge: Charge, said: Said | None) -> tuple[Charge, ...]:
    """Return the charge that a late dispute names by code; without a code, all that were reminded of lately."""
    if said is None or codes_in(said):
        return (charge,)
    questions = [item for item in turn.account.questions.values() if isinstance(item.state, DisputingCharge)]
    recent = {item.id for item in questions if item.ended_recently(turn.at)}
    # The network took the reminders of these, so they may have arrived, whatever their reports say.
    disputable = (ChargeState.REMINDED, ChargeState.CHARGED)
    charges = [
        item for item in turn.account.records_of(Charge) if item.question_id in recent and item.state in disputable
    ]
    return tuple(item for item in charges if item.ticket_id is None) or (charge,)


def complain_about_charges(turn: Turn, disputed: tuple[Charge, ...]) -> Outcome:
    """Open a complaint about charges disputed late; if open ones name them all, answer with that ticket instead."""
    open_tickets = [ticket for ticket in turn.account.records_of(Ticket) if ticket.is_open]
    complaints = [ticket for ticket in open_tickets if ticket.kind is TicketKind.COMPLAINT]
    charges = [charge for charge in disputed if not any(charge.id in ticket.charge_ids for ticket in complaints)]
    if not charges:
        (charge, *_) = disputed
        ticket = next(ticket for ticket in complaints if charge.id in ticket.charge_ids)
        return _result(turn, _sentence_with_ticket(turn, texts.LATE_AGAIN, charge, ticket))
    received = turn.stimulus_as(TextReceived)
    opened = open_ticket(
        turn,
        TicketKind.COMPLAINT,
        received.shown_text,
        who=received.actor,
        charge_ids=tuple(charge.id for charge in charges),
    )
    language = turn.account.language
    reply = _result(
        turn,
        texts.LATE.say(
            language,
            what=wording.names(language, [describe(turn, charge) for charge in charges]),
            number=opened.ticket.number,
            due=wording.minute(language, opened.ticket.due),
        ),
    )
    return merge_outcomes(replace(reply, verdict="doubted late"), opened.outcome)


def _sentence_with_ticket(turn: Turn, text: Text, charge: Charge, ticket: Ticket | None) -> str:
    due = wording.minute(turn.account.language, ticket.due) if ticket else ""
    return _sentence(turn, text, charge, number=ticket.number if ticket else "", due=due)


# ---- in time


def _ask_which(turn: Turn, questions: tuple[Question, ...]) -> Outcome:
    """Ask which charge is meant and restart the dispute windows that have begun."""
    language, window = turn.account.language, turn.policy.fee_window
    choices: list[tuple[str, str]] = []
    moved: list[tuple[Charge, Charge]] = []
    changes: list[Outcome] = []
    for question in questions:
        # An ambiguous dispute proves of no single reminder that it arrived: the network must have taken it.
        was_taken = turn.account.arrival(question) is Arrival.TAKEN
        turn, charge, outcome = (
            _mark_arrived(turn, question) if was_taken else (turn, charge_of(turn, question), Outcome())
        )
        if charge is not None:
            choices.append((describe(turn, charge), charge.code or ""))
        if charge is not None and charge.state is ChargeState.REMINDED:
            ends_at = window_end(turn.at, window, turn.policy.quiet_hours)
            after = charge.reminded(turn.at, max(ends_at, charge.window_ends_at or ends_at))
            moved.append((charge, after))
            changes.append(replace(outcome, questions=()))
    reply = say(turn, *texts.several_fees(language, choices, window), extension=Extension.FEES)
    return merge_outcomes(Outcome(replies=(reply,), verdict="several fees"), *changes, move_windows(turn, moved))


def _mark_arrived(turn: Turn, question: Question) -> tuple[Turn, Charge | None, Outcome]:
    """Mark the reminder as arrived, which a dispute proves whatever its report says (safety.md 6).

    Return the turn and charge after that, and what marking causes besides.
    """
    turn = replace(turn, account=apply(turn.account, Outcome(questions=(question.arrived(turn.at),))))
    charge = charge_of(turn, question)
    arrival = open_window(turn, charge) if charge else None
    if arrival is None:
        return turn, charge, Outcome()
    turn = replace(turn, account=apply(turn.account, arrival))
    return turn, charge_of(turn, question), arrival


def dispute_all(turn: Turn, questions: Iterable[Question]) -> Outcome:
    """Dispute the charges of all these questions, whose reminders may have arrived and whose windows are open."""
    done = Outcome(verdict="doubted")
    for question in questions:
        outcome = _dispute(turn.answering(question), question)
        turn = replace(turn, account=apply(turn.account, outcome))
        done = merge_outcomes(done, outcome)
    return done


def _dispute(turn: Turn, question: Question, *, arrived: bool = True) -> Outcome:
    """Dispute a charge in time: waive a use at once, open a ticket for a monthly charge (flows.md 7).

    ``arrived`` is False if the reminder cannot have arrived; the charge is then disputed without one.
    """
    turn, charge, arrival = _mark_arrived(turn, question) if arrived else (turn, charge_of(turn, question), Outcome())
    if charge is not None and is_refundable(turn, charge):
        return _dispute_taken_charge(turn, charge, question)
    if charge is None or charge.state is not (ChargeState.REMINDED if arrived else ChargeState.ANNOUNCED):
        return dispute_late(turn, question, None)
    received = turn.stimulus_as(TextReceived)
    who = received.actor
    # The question is recorded only once, as closed.
    arrival = replace(arrival, questions=())
    if charge.kind is ChargeKind.PER_USE:
        waived = settle(turn, charge, ChargeState.WAIVED, "doubted", who)
        return merge_outcomes(_result(turn, _sentence(turn, texts.WAIVED_USE, charge)), arrival, waived)
    opened = open_ticket(turn, TicketKind.FEE_DISPUTE, received.shown_text, who=who, charge_ids=(charge.id,))
    after = replace(charge.moved(ChargeState.DISPUTED, turn.at), ticket_id=opened.ticket.id)
    draft = evidence_of("fee-disputed", charge, after, who=who, asked=question.asked_text, answer=received.shown_text)
    answered = question.arrived(turn.at) if arrived else question
    disputed = Outcome(
        records=(after,),
        evidence=(draft,),
        questions=(answered.closed(turn.now, ClosedAs.ANSWERED),),
        superseded=() if arrived else (charge.about,),
    )
    reply = _result(turn, _sentence_with_ticket(turn, texts.DISPUTED, charge, opened.ticket))
    return merge_outcomes(replace(reply, verdict="doubted"), arrival, disputed, opened.outcome)


def _dispute_taken_charge(turn: Turn, charge: Charge, question: Question) -> Outcome:
    """Refund a charge that was taken before a dispute sent in time was stored (safety.md 21)."""
    received = turn.stimulus_as(TextReceived)
    who = received.actor
    refund = refund_part(turn, charge, who=who, why="doubted in time")
    closed = Outcome(questions=(question.closed(turn.now, ClosedAs.ANSWERED),), verdict="doubted")
    if charge.kind is ChargeKind.PER_USE:
        return merge_outcomes(_result(turn, _sentence(turn, texts.REFUNDED_USE, charge)), closed, refund)
    opened = open_ticket(turn, TicketKind.COMPLAINT, received.shown_text, who=who, charge_ids=(charge.id,))
    reply = _result(turn, _sentence_with_ticket(turn, texts.REFUNDED_DISPUTED, charge, opened.ticket))
    return merge_outcomes(reply, closed, refund, opened.outcome)


def reminder_may_have_arrived(turn: Turn, question: Question) -> bool:
    """Return True if the reminder may have arrived; once taken by the network it may, whatever its report says."""
    charge = charge_of(turn, question)
    return turn.account.may_have_reached(question) or (charge is not None and charge.state is ChargeState.REMINDED)


@answer(DisputingCharge)
class DisputeHandler(QuestionHandler):
    """Reads a dispute: the code, a no, or an unsubscribe word with the code; at 10086901, that word alone, too."""

    def answer(self, turn: Turn, question: Question, said: Said) -> Answer | None:
        """Dispute the charge if the text is its code or means its reminder."""
        at_charge_number = turn.policy.numbers.extension(turn.stimulus_as(TextReceived).dialled) == Extension.FEES
        if not question.is_open(turn.at) and not at_charge_number and said.is_no:
            return None
        by_code = question.state_as(DisputingCharge).code in codes_in(said)
        if not (by_code or said.is_no or (at_charge_number and _is_unsubscribe_word(said))):
            return None
        # A word without the code means a reminder that may have arrived, rather than one that no network took.
        arrived = by_code or reminder_may_have_arrived(turn, question)
        outcome = _dispute(turn, question, arrived=arrived) if question.is_open(turn.at) else Outcome()
        return Answer(outcome, Fit.EXACT if arrived else Fit.LOOSE)

    def repeat(self, turn: Turn, question: Question) -> str:
        """Return how to dispute the charge."""
        charge = charge_of(turn, question)
        code = question.state_as(DisputingCharge).code
        return _sentence(turn, texts.REPEAT, charge, code=code) if charge else code

    def about(self, turn: Turn, question: Question) -> str:
        """Return the charge and its code."""
        charge = charge_of(turn, question)
        code, number = question.state_as(DisputingCharge).code, number_of(turn, question)
        return _sentence(turn, texts.ABOUT, charge, code=code, number=number) if charge else number

    def late(self, turn: Turn, question: Question, said: Said) -> Outcome:
        """Open a complaint, or say what became of the charge."""
        return dispute_late(turn, question, said)

    def several(self, turn: Turn, questions: tuple[Question, ...], said: Said) -> Outcome:
        """Ask which charge is meant; if the text has codes, dispute them all."""
        return dispute_all(turn, questions) if codes_in(said) else _ask_which(turn, questions)
