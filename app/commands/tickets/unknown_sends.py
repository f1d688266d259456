"""Open a ticket for an unknown send: a message that may or may not have arrived (delivery.md 8)."""

from app.commands.registry import timer
from app.commands.ticketing import open_ticket
from app.domain import actors
from app.domain.texts import tickets as texts
from app.domain.tickets import Ticket, TicketKind
from app.domain.turn import MESSAGE_UNKNOWN, Outcome, TimerDue, Turn
from app.domain.values import replace


@timer(MESSAGE_UNKNOWN, reads=(Ticket,))
def open_unknown_send_ticket(turn: Turn) -> Outcome:
    """Open a ticket when no report came in time; one open ticket covers all unknown sends of a subscriber."""
    if turn.account.customer is None:
        return Outcome(verdict="not a customer")
    if any(item.is_open and item.kind is TicketKind.UNANSWERED for item in turn.account.records_of(Ticket)):
        return Outcome(verdict="looked into already")
    message_id = turn.stimulus_as(TimerDue).subject
    text = texts.UNANSWERED.say(turn.account.language, message=message_id)
    opened = open_ticket(turn, TicketKind.UNANSWERED, text, who=actors.TIMER)
    return replace(opened.outcome, verdict="ticket opened")
