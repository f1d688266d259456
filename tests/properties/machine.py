"""What state machines of one customer's life share."""

from collections.abc import Iterator
from contextlib import contextmanager

from hypothesis import note
from hypothesis.stateful import RuleBasedStateMachine

from tests.properties.life import Life


class LifeMachine(RuleBasedStateMachine):
    """Rules that say what can happen to a customer."""

    life: Life

    @contextmanager
    def told(self) -> Iterator[Life]:
        """A failure is shown as what happened, to be pasted into a test."""
        try:
            yield self.life
        except AssertionError:
            note(self.life.story)
            raise
