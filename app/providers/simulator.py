"""The simulated carrier: a network of handsets in the process, for demos and tests (http-api.md, simulator)."""

from collections.abc import Sequence

from typing_extensions import override

from app.providers.base import HandsetNetwork, Provider, ProviderSettings, SendResult, Submission, Surroundings
from app.providers.generic import GenericProvider


class SimulatorProvider(GenericProvider):
    """Sends to the simulated network; its webhooks are the generic ones."""

    kind = "simulator"
    most_per_call = 1_000
    default_window = 1
    default_rate = None
    can_fail_over = False

    def __init__(self, name: str, network: HandsetNetwork, secrets: Sequence[str] = ()) -> None:
        """With ``secrets`` its webhooks must be signed, like the generic ones."""
        super().__init__(name, secrets)
        self._network = network
        self.can_send = True
        # The network takes a message once for each reference.
        self.resends_unknown = True

    @override
    @classmethod
    def make(cls, settings: ProviderSettings, around: Surroundings) -> Provider:
        """Return an adapter for the network of the process."""
        return cls(settings.name, around.network, settings.secrets)

    @override
    async def send(self, submissions: Sequence[Submission]) -> Sequence[SendResult]:
        """Deliver messages to handsets."""
        return await self._network.take(submissions)
