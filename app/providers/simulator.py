"""The simulated carrier: a handset network in the process, for demos and integration tests (http-api.md, simulator)."""

from collections.abc import Sequence
from typing import Protocol

from app.providers.base import SendResult, Submission
from app.providers.generic import GenericProvider


class HandsetNetwork(Protocol):
    """Where the handsets' threads are."""

    async def take(self, submissions: Sequence[Submission]) -> Sequence[SendResult]:
        """Take messages in order, as the faults that are set allow."""


class SimulatorProvider(GenericProvider):
    """Speaks to the simulated network; its webhooks are the generic ones."""

    kind = "simulator"
    most_per_call = 500
    default_window = 1
    default_rate = None
    stands_in = False

    def __init__(self, name: str, network: HandsetNetwork, secrets: Sequence[str] = ()) -> None:
        """Its webhooks are signed like the generic ones, if it has a secret."""
        super().__init__(name, secrets)
        self._network = network
        self.can_send = True
        # The network takes a message once for each reference.
        self.resends_unknown = True

    async def send(self, submissions: Sequence[Submission]) -> Sequence[SendResult]:
        """Put messages on handsets."""
        return await self._network.take(submissions)
