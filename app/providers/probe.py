"""The provider of the gateway's own test messages: accepts every reply and sends it nowhere (mission.md, M19)."""

from collections.abc import Sequence
from typing import ClassVar

from typing_extensions import override

from app.options import ProviderOptions
from app.providers.base import Accepted, Provider, SendResult, Submission, Surroundings


class ProbeProvider(Provider):
    """Accepts every message. Nothing comes from it: the gateway stores test messages directly."""

    kind = "probe"
    can_send = True
    can_fail_over = False
    most_per_call: ClassVar[int] = 100
    default_window: ClassVar[int] = 1
    default_rate: ClassVar[float | None] = None

    def __init__(self, name: str, options: ProviderOptions, around: Surroundings) -> None:
        super().__init__(name, options, around)
        self.resends_unknown = True

    @override
    async def send(self, submissions: Sequence[Submission]) -> Sequence[SendResult]:
        return [Accepted(item.reference) for item in submissions]
