"""Doubts: what is answered to a fee reminder, in time, late or unclear (flows.md 7, 17)."""

from collections.abc import Iterable

from app.commands.charges.matching import what
from app.commands.charges.refunding import can_be_given_back, give_back
from app.commands.charges.reminding import DisputingCharge, reminded, windows_run
from app.commands.charges.settling import evidence_of, settled
from app.commands.codes import codes_in
from app.commands.parser import Said
from app.commands.registry import Answer, Fit, answer
from app.commands.replies import number_of, say
from app.commands.ticketing import open_ticket
from app.commands.vocabulary import UNSUBSCRIBE_WORDS
from app.domain.charges import Charge, ChargeKind, ChargeState, window_end
from app.domain.dialogue import ClosedAs, Question
from app.domain.messages import MessageClass
from app.domain.service_numbers import Extension
from app.domain.texts import fees as texts
from app.domain.texts import wording
from app.domain.texts.wording import Text
from app.domain.tickets import Ticket, TicketKind
from app.domain.turn import Outcome, TextReceived, Turn, apply, joined
from app.domain.values import replace


def charge_of(turn: Turn, question: Question) -> Charge | None:
    """The fee that a reminder asks about."""
    return turn.account.record(Charge, question.state_as(DisputingCharge).charge_id)


def _said(turn: Turn, text: Text, charge: Charge, **facts: str) -> str:
    return text.say(turn.account.language, what=what(turn, charge), **facts)


def _result(turn: Turn, text: str) -> Outcome:
    return Outcome(replies=(say(turn, text, extension=Extension.FEES, kind=MessageClass.RESULT),))


# ---- what a doubt looks like


def _is_unsubscribe_word(said: Said) -> bool:
    return said.key in UNSUBSCRIBE_WORDS


def _repeat(turn: Turn, question: Question) -> str:
    charge = charge_of(turn, question)
    code = question.state_as(DisputingCharge).code
    return _said(turn, texts.REPEAT, charge, code=code) if charge else code


def _about(turn: Turn, question: Question) -> str:
    charge = charge_of(turn, question)
    code, number = question.state_as(DisputingCharge).code, number_of(turn, question)
    return _said(turn, texts.ABOUT, charge, code=code, number=number) if charge else number


def _over(turn: Turn, question: Question) -> str:
    """Every late answer is more than a word: see ``dispute_late``."""
    return _repeat(turn, question)


def dispute_late(turn: Turn, question: Question, said: Said | None) -> Outcome:
    """A doubt after its window is kept as a complaint; one that repeats itself is told how its fee stands."""
    charge = charge_of(turn, question)
    if charge is None:
        return Outcome(verdict="too late")
    if charge.state in (ChargeState.WAIVED, ChargeState.CANCELLED):
        return _result(turn, _facts(turn, texts.ALREADY_FREE, charge, None))
    ticket = turn.account.record(Ticket, charge.ticket_id or "")
    if ticket is not None:
        text = texts.ALREADY_DISPUTED if charge.state is ChargeState.DISPUTED else texts.ALREADY_UPHELD
        return _result(turn, _facts(turn, text, charge, ticket))
    return complain_about_charges(turn, _charges_meant(turn, charge, said))


def _charges_meant(turn: Turn, charge: Charge, said: Said | None) -> tuple[Charge, ...]:
    """The fee that a late doubt names; one that names none means all that she was lately reminded of."""
    if said is None or codes_in(said):
        return (charge,)
    questions = [item for item in turn.account.questions.values() if isinstance(item.state, DisputingCharge)]
    lately = {item.id for item in questions if turn.account.may_have_reached(item) and item.lately_ended(turn.at)}
    taken = (ChargeState.REMINDED, ChargeState.CHARGED)
    fees = [fee for fee in turn.account.records_of(Charge) if fee.question_id in lately and fee.state in taken]
    return tuple(fee for fee in fees if fee.ticket_id is None)


def complain_about_charges(turn: Turn, disputed: tuple[Charge, ...]) -> Outcome:
    """A complaint about fees that are doubted late; of those that an open one names already she is told as much."""
    complaints = [ticket for ticket in turn.account.records_of(Ticket) if ticket.is_open]
    known = [ticket for ticket in complaints if ticket.kind is TicketKind.COMPLAINT]
    fees = [fee for fee in disputed if not any(fee.id in ticket.charge_ids for ticket in known)]
    if not fees:
        (charge, *_) = disputed
        ticket = next(ticket for ticket in known if charge.id in ticket.charge_ids)
        return _result(turn, _facts(turn, texts.LATE_AGAIN, charge, ticket))
    received = turn.stimulus_as(TextReceived)
    opened = open_ticket(
        turn,
        TicketKind.COMPLAINT,
        received.shown_text,
        who=f"mo:{received.id}",
        charge_ids=tuple(fee.id for fee in fees),
    )
    language = turn.account.language
    said = _result(
        turn,
        texts.LATE.say(
            language,
            what=wording.names(language, [what(turn, fee) for fee in fees]),
            number=opened.ticket.number,
            due=wording.minute(language, opened.ticket.due),
        ),
    )
    return joined(replace(said, verdict="doubted late"), opened.outcome)


def _facts(turn: Turn, text: Text, charge: Charge, ticket: Ticket | None) -> str:
    due = wording.minute(turn.account.language, ticket.due) if ticket else ""
    return _said(turn, text, charge, number=ticket.number if ticket else "", due=due)


# ---- in time


def _several(turn: Turn, questions: tuple[Question, ...], said: Said) -> Outcome:
    """Which one? Nothing is changed but the windows; where codes name them all, all are doubted."""
    if codes_in(said):
        return dispute_all(turn, questions)
    language, window = turn.account.language, turn.policy.fee_window
    named: list[tuple[str, str]] = []
    moved: list[tuple[Charge, Charge]] = []
    changes: list[Outcome] = []
    for question in questions:
        # A doubt that may mean another fee proves nothing of a reminder that was refused: it is tried again.
        meant = reminder_may_have_arrived(turn, question)
        turn, charge, outcome = _opened(turn, question) if meant else (turn, charge_of(turn, question), Outcome())
        if charge is not None:
            named.append((what(turn, charge), charge.code or ""))
        if charge is not None and charge.state is ChargeState.REMINDED:
            ends_at = window_end(turn.at, window, turn.policy.quiet_hours)
            after = charge.reminded(turn.at, max(ends_at, charge.window_ends_at or ends_at))
            moved.append((charge, after))
            changes.append(replace(outcome, questions=()))
    reply = say(turn, *texts.several(language, named, window), extension=Extension.FEES)
    return joined(Outcome(replies=(reply,), verdict="several fees"), *changes, windows_run(turn, moved))


def _opened(turn: Turn, question: Question) -> tuple[Turn, Charge | None, Outcome]:
    """The charge as reminded: a doubt proves that its reminder arrived, whatever a receipt says (safety.md 6)."""
    turn = replace(turn, account=apply(turn.account, Outcome(questions=(question.arrived(turn.at),))))
    charge = charge_of(turn, question)
    first = reminded(turn, charge) if charge else None
    if first is None:
        return turn, charge, Outcome()
    turn = replace(turn, account=apply(turn.account, first))
    return turn, charge_of(turn, question), first


def dispute_all(turn: Turn, questions: Iterable[Question]) -> Outcome:
    """Doubt in time all these reminders, of which she can have each."""
    done = Outcome(verdict="doubted")
    for question in questions:
        outcome = _dispute(turn.answering(question), question)
        turn = replace(turn, account=apply(turn.account, outcome))
        done = joined(done, outcome)
    return done


def _dispute(turn: Turn, question: Question, *, arrived: bool = True) -> Outcome:
    """A doubt in time: a use is free at once, of a month's fee a person calls, and it is not taken (flows.md 7).

    ``arrived``: she can have the reminder, and her doubt proves it; else the fee is doubted as one never told.
    """
    turn, charge, first = _opened(turn, question) if arrived else (turn, charge_of(turn, question), Outcome())
    if charge is not None and can_be_given_back(turn, charge):
        return _given_back(turn, charge, question)
    if charge is None or charge.state is not (ChargeState.REMINDED if arrived else ChargeState.ANNOUNCED):
        return dispute_late(turn, question, None)
    received = turn.stimulus_as(TextReceived)
    who = f"mo:{received.id}"
    # The question is written once, as closed.
    first = replace(first, questions=())
    if charge.kind is ChargeKind.PER_USE:
        waived = settled(turn, charge, ChargeState.WAIVED, "doubted", who)
        return joined(_result(turn, _said(turn, texts.WAIVED_USE, charge)), first, waived)
    opened = open_ticket(turn, TicketKind.FEE_DISPUTE, received.shown_text, who=who, charge_ids=(charge.id,))
    after = replace(charge.moved(ChargeState.DISPUTED, turn.at), ticket_id=opened.ticket.id)
    draft = evidence_of("fee-disputed", charge, after, who=who, asked=question.asked_text, answer=received.shown_text)
    known = question.arrived(turn.at) if arrived else question
    disputed = Outcome(
        records=(after,),
        evidence=(draft,),
        questions=(known.closed(turn.now, ClosedAs.ANSWERED),),
        superseded=() if arrived else (charge.about,),
    )
    said = _result(turn, _facts(turn, texts.DISPUTED, charge, opened.ticket))
    return joined(replace(said, verdict="doubted"), first, disputed, opened.outcome)


def _given_back(turn: Turn, charge: Charge, question: Question) -> Outcome:
    """It was sent in time and stored after the fee was taken, which is given back (safety.md 21)."""
    received = turn.stimulus_as(TextReceived)
    who = f"mo:{received.id}"
    back = give_back(turn, charge, who=who, why="doubted in time")
    closed = Outcome(questions=(question.closed(turn.now, ClosedAs.ANSWERED),), verdict="doubted")
    if charge.kind is ChargeKind.PER_USE:
        return joined(_result(turn, _said(turn, texts.GIVEN_BACK_USE, charge)), closed, back)
    opened = open_ticket(turn, TicketKind.COMPLAINT, received.shown_text, who=who, charge_ids=(charge.id,))
    said = _result(turn, _facts(turn, texts.GIVEN_BACK_DISPUTED, charge, opened.ticket))
    return joined(said, closed, back, opened.outcome)


@answer(
    DisputingCharge,
    repeat=_repeat,
    expired=_over,
    answered=_over,
    about=_about,
    late=dispute_late,
    several=_several,
)
def dispute_charge(turn: Turn, question: Question, said: Said) -> Answer | None:
    """The code, a no, or a stop word with the code; at the fees' own number 取消 alone, too."""
    at_its_number = turn.policy.numbers.extension(turn.stimulus_as(TextReceived).dialled) == Extension.FEES
    if not question.is_open(turn.at) and not at_its_number and said.is_no:
        return None
    by_code = question.state_as(DisputingCharge).code in codes_in(said)
    if not (by_code or said.is_no or (at_its_number and _is_unsubscribe_word(said))):
        return None
    # A word means what she can have in hand, before it means a reminder that no network took.
    arrived = by_code or reminder_may_have_arrived(turn, question)
    outcome = _dispute(turn, question, arrived=arrived) if question.is_open(turn.at) else Outcome()
    return Answer(outcome, Fit.EXACT if arrived else Fit.LOOSE)


def reminder_may_have_arrived(turn: Turn, question: Question) -> bool:
    """Whether she can have the reminder; one that the network took is one, whatever it reported later."""
    charge = charge_of(turn, question)
    return turn.account.may_have_reached(question) or (charge is not None and charge.state is ChargeState.REMINDED)
