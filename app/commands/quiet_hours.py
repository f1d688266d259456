"""Messages held during the quiet hours: each is stored in a timer, and sent when the timer falls due (flows.md 15)."""

import json
from datetime import datetime

from app.commands.registry import timer
from app.domain.matters import Matter
from app.domain.messages import MessageClass, Reply, keeps_quiet_hours
from app.domain.turn import HELD_MESSAGE, Outcome, TimerDue, TimerSet, Turn

HOLD_TIMER = HELD_MESSAGE


def is_held(reply: Reply, turn: Turn) -> bool:
    """Return True if a reply must wait for the end of the quiet hours."""
    return keeps_quiet_hours(reply.kind) and not reply.any_hour and turn.policy.quiet_hours.release(turn.now) > turn.now


def hold(reply: Reply, timer_id: str, turn: Turn) -> TimerSet:
    """Return the timer that sends a reply after the quiet hours; its subject is ``about``, if the reply has one."""
    about = str(reply.about) if reply.about else None
    held = {
        # The first key: held messages are sent in the order in which they were made (db/timers.py).
        "order": timer_id,
        "messages": reply.messages,
        "extension": reply.extension,
        "kind": reply.kind,
        "question_id": reply.question_id,
        "about": about,
        "told": reply.notify,
        "valid_until": reply.valid_until.isoformat() if reply.valid_until else None,
    }
    due_at = turn.policy.quiet_hours.release(turn.now)
    return TimerSet(HOLD_TIMER, about or timer_id, due_at, json.dumps(held, ensure_ascii=False))


def held_reply(data: str) -> Reply:
    """Return the reply stored in the data of a held message's timer."""
    held = json.loads(data)
    return Reply(
        tuple(held["messages"]),
        held["extension"],
        MessageClass(held["kind"]),
        held["question_id"],
        Matter.parse(held["about"]) if held["about"] else None,
        notify=held["told"],
        valid_until=datetime.fromisoformat(held["valid_until"]) if held["valid_until"] else None,
    )


@timer(HOLD_TIMER, reads=())
def send_held(turn: Turn) -> Outcome:
    """Send a held message after the quiet hours."""
    return Outcome(replies=(held_reply(turn.stimulus_as(TimerDue).data),), verdict="sent in the morning")
