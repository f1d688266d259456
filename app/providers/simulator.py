"""The simulated carrier: a network of handsets in the process, for demos and tests (http-api.md, simulator)."""

from collections.abc import Iterator
from typing import ClassVar

from typing_extensions import override

from app.options import ProviderOptions
from app.providers.base import Surroundings
from app.providers.generic import GenericOptions, GenericProvider


class SimulatorOptions(GenericOptions):
    """The simulated network; its webhooks are the generic ones. Refused in production."""

    @override
    def problems(self, name: str, *, production: bool, private: bool) -> Iterator[str]:
        if self.rate is not None or self.window is not None:
            yield f"providers.{name}: the simulated network takes all that is due at once; remove rate and window"
        if production:
            yield f"providers.{name}: kind simulator is refused in production"
        else:
            yield from super().problems(name, production=production, private=private)


class SimulatorProvider(GenericProvider):
    """The webhooks are the generic ones. What is sent to handsets is sent without it (``HandsetDelivery``)."""

    kind = "simulator"
    options: ClassVar[type[ProviderOptions]] = SimulatorOptions
    can_fail_over = False

    def __init__(self, name: str, options: SimulatorOptions, around: Surroundings) -> None:
        """With secrets its webhooks must be signed, like the generic ones."""
        super().__init__(name, options, around)
        self.can_send = True
        # The network takes a message once for each reference.
        self.resends_unknown = True
