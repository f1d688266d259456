"""The base of the state machines of one customer."""

from collections.abc import Iterator
from contextlib import contextmanager

from hypothesis import note
from hypothesis.stateful import RuleBasedStateMachine

from tests.properties.life import Life


class LifeMachine(RuleBasedStateMachine):
    """Rules for what can happen to a customer."""

    life: Life

    @contextmanager
    def reporting(self) -> Iterator[Life]:
        """Print what happened if a step fails, as calls to paste into a test."""
        try:
            yield self.life
        except AssertionError:
            note(self.life.story)
            raise
