"""The two moments of a trial: when she is asked whether to go on, and when it is over (flows.md 6)."""

from app.domain.account import Subscription, SubscriptionState
from app.domain.charges import AFTER
from app.domain.trials import question_due
from app.domain.turn import TimerSet, Turn

TRIAL_QUESTION = "trial-question"
TRIAL_END = "trial-end"


def trial_timers(turn: Turn, held: Subscription) -> tuple[TimerSet, ...]:
    """The timers of a trial; none for what is no trial. Its end includes its last instant."""
    if held.state is not SubscriptionState.TRIAL or held.trial_ends_at is None:
        return ()
    policy = turn.policy
    asked_at = question_due(held.started_at, held.trial_ends_at, policy.trial_notice, policy.quiet_hours, turn.now)
    over = TimerSet(TRIAL_END, held.id, held.trial_ends_at + AFTER)
    return (over,) if asked_at is None or held.goes_on else (TimerSet(TRIAL_QUESTION, held.id, asked_at), over)
