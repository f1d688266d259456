"""The two timers of a trial: to ask whether the subscriber wants to go on, and to end it (flows.md 6)."""

from app.domain.charges import JUST_AFTER
from app.domain.subscriptions import Subscription, SubscriptionState
from app.domain.trials import question_due
from app.domain.turn import TimerSet, Turn

TRIAL_QUESTION = "trial-question"
TRIAL_END = "trial-end"


def trial_timers(turn: Turn, held: Subscription) -> tuple[TimerSet, ...]:
    """Return the timers of a subscription in trial, () for any other.

    The end falls just after the trial's last instant. Nothing is asked after a yes, or if no time is left for it.
    """
    if held.state is not SubscriptionState.TRIAL or held.trial_ends_at is None:
        return ()
    policy = turn.policy
    ask_at = question_due(held.started_at, held.trial_ends_at, policy.trial_notice, policy.quiet_hours, turn.now)
    end = TimerSet(TRIAL_END, held.id, held.trial_ends_at + JUST_AFTER)
    return (end,) if ask_at is None or held.goes_on else (TimerSet(TRIAL_QUESTION, held.id, ask_at), end)
