"""The due date in a reminder holds whenever the reminder is handed over (flows.md 7; safety.md 12)."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from app.domain.calendar import local
from app.domain.charges import window_end
from app.domain.messages import Reply
from app.domain.subscriptions import Channel
from app.domain.texts import wording
from app.domain.turn import Outcome
from tests.commands.charges.charging import announce, charge_of, use
from tests.commands.transcript import Conversation
from tests.commands.world import shanghai

STARTS = ["2026-03-02 10:00", "2026-03-02 07:00", "2026-03-02 06:30", "2026-03-02 21:50", "2026-03-02 22:00", "2026-03-31 23:59"]  # fmt: skip


@dataclass
class CheckedReminders(Conversation):
    """A conversation that checks every reminder when it is made; the network takes none."""

    taking: bool = field(default=False, init=False)
    made: list[datetime] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.taking = False

    def take(self, outcome: Outcome) -> None:
        super().take(outcome)
        for reply in outcome.replies:
            if reply.about is not None:
                self.made.append(self.now)
                self._check(reply, reply.about.subject)

    def _check(self, reminder: Reply, charge_id: str) -> None:
        charge, quiet = charge_of(self, charge_id), self.policy.quiet_hours
        assert wording.minute(self.account.language, charge.due_at) in reminder.messages[0]
        sent_at, valid_until = self.now if reminder.any_hour else quiet.release(self.now), reminder.valid_until
        assert valid_until is not None
        assert valid_until >= sent_at + timedelta(minutes=5) or valid_until == quiet.next_start(sent_at), (
            "it cannot be handed over"
        )
        for moment in (sent_at, sent_at + (valid_until - sent_at) / 2, valid_until - timedelta(seconds=1)):
            if charge.any_hour or reminder.any_hour or quiet.release(moment) == moment:
                window_ends_at = window_end(moment, self.policy.fee_window, quiet)
                assert charge.reminded(moment, window_ends_at).due_at == charge.due_at, f"not true at {moment}"


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("hours", [0, 0.2, 1, 1.1, 4, 9, 9.5, 10, 11, 20, 72, 800])
def test_a_reminder_names_a_due_date_that_holds_however_late_it_comes(start: str, hours: float) -> None:
    conversation = CheckedReminders(start=start)
    due = local(shanghai(start) + timedelta(hours=hours))
    assert announce(conversation, "c-1", "SJB", 100, f"{due:%Y-%m-%d %H:%M}", period="2026-01").refusal is None
    conversation.play("@ +71h\n<")
    # Outside quiet hours one reminder follows another.
    assert len(conversation.made) > 20


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("hours", [0, 5, 22, 23, 24, 30])
@pytest.mark.parametrize("channel", [Channel.SMS, Channel.WEB])
def test_a_reminder_of_a_use_names_a_due_date_that_holds(start: str, hours: float, channel: Channel) -> None:
    conversation = CheckedReminders(start=start)
    used = local(shanghai(start) - timedelta(hours=hours))
    assert use(conversation, "u-1", "GS", channel, f"{used:%Y-%m-%d %H:%M}").refusal is None
    conversation.play("@ +71h\n<")
    assert len(conversation.made) > 20
