"""What follows from an outcome that changes the subscriber."""

from app.commands.registry import Registry
from app.domain.account import SubscriberStatus
from app.domain.merging import merge_outcomes
from app.domain.turn import Outcome, Turn, apply
from app.domain.values import replace


def with_reactions(registry: Registry, turn: Turn, outcome: Outcome) -> Outcome:
    """Join the outcomes of all ``@subscriber_changed`` if the subscriber changed."""
    after = outcome.subscriber
    if after is None or after.status is SubscriberStatus.CLOSED:
        return outcome
    reactions = registry.subscriber_changed.values()
    return merge_outcomes(outcome, *(react(turn, turn.account.customer, after) for react in reactions))


def only_to_customer(turn: Turn, outcome: Outcome) -> Outcome:
    """Drop the replies of an outcome if the number has no customer any more (safety.md 1)."""
    if not outcome.replies:
        return outcome
    account = apply(turn.account, Outcome(subscriber=outcome.subscriber))
    return outcome if account.customer else replace(outcome, replies=())
