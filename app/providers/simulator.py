"""The simulated carrier: a network of handsets in the process, for demos and tests (http-api.md, simulator)."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from typing_extensions import override

from app.options import ProviderOptions
from app.providers.base import SendResult, Submission, Surroundings
from app.providers.generic import GenericOptions, GenericProvider


class SimulatorOptions(GenericOptions):
    """The simulated network; its webhooks are the generic ones. Refused in production."""

    @override
    def problems(self, name: str, *, production: bool, private: bool) -> Iterator[str]:
        if production:
            yield f"providers.{name}: kind simulator is refused in production"
        else:
            yield from super().problems(name, production=production, private=private)


class SimulatorProvider(GenericProvider):
    """Sends to the simulated network; its webhooks are the generic ones."""

    kind = "simulator"
    options: ClassVar[type[ProviderOptions]] = SimulatorOptions
    most_per_call = 500
    default_window = 1
    default_rate = None
    can_fail_over = False

    def __init__(self, name: str, options: SimulatorOptions, around: Surroundings) -> None:
        """With secrets its webhooks must be signed, like the generic ones."""
        super().__init__(name, options, around)
        self._network = around.network
        self.can_send = True
        # The network takes a message once for each reference.
        self.resends_unknown = True

    @override
    async def send(self, submissions: Sequence[Submission]) -> Sequence[SendResult]:
        """Deliver messages to handsets."""
        return await self._network.take(submissions)
