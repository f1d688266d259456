"""Answer a message that cannot be handled, and open a ticket for it (delivery.md 5, safety.md 22)."""

from app.commands.limits import former_customer_outcome
from app.commands.replies import say
from app.commands.ticketing import open_ticket
from app.domain.texts import answers
from app.domain.tickets import TicketKind
from app.domain.turn import Outcome, TextReceived, Turn
from app.domain.values import replace


def give_up(turn: Turn) -> Outcome:
    """Give up a message after its third failure: ask the subscriber to try later and open a ticket.

    No charge of the subscriber is taken while that ticket is open.
    """
    former = former_customer_outcome(turn)
    if former is not None:
        return former
    reply = say(turn, answers.TRY_LATER.say(turn.account.language))
    outcome = Outcome(replies=(reply,), verdict="dead letter")
    if turn.account.customer is None:
        return outcome
    received = turn.stimulus_as(TextReceived)
    opened = open_ticket(turn, TicketKind.DEAD_LETTER, received.shown_text, who=received.actor).outcome
    return replace(opened, replies=outcome.replies, verdict=outcome.verdict)
