"""``smsgw config check --connect``: bind once to each session carrier, and say what it answered."""

import asyncio
from collections.abc import Sequence

from app.composition import build_gateway
from app.domain.messages import DeliveryReport, InboundMessage, InboundResult
from app.domain.storage import StorageUnavailableError
from app.domain.values import value
from app.providers.base import BindEndedError, EndlessLease, Provider
from app.settings import Settings

# Connecting and the answer to the bind have their own, shorter times.
_WITHIN_SECONDS = 60.0
_LOOK_SECONDS = 0.05


@value
class Tried:
    """What became of the try of one provider. ``is_bound`` None: nothing was checked."""

    provider: str
    is_bound: bool | None
    answer: str


class _Nowhere:
    """An inbox that stores nothing, so that the carrier keeps its messages for the gateway."""

    async def messages(self, found: Sequence[InboundMessage]) -> Sequence[InboundResult]:
        raise StorageUnavailableError(f"{len(found)} messages are left to the carrier")

    async def reports(self, found: Sequence[DeliveryReport]) -> Sequence[bool]:
        raise StorageUnavailableError(f"{len(found)} reports are left to the carrier")

    def confirm(self, slot: int, epoch: int, sequence: int) -> None:
        """Nothing was stored."""


def try_all(settings: Settings) -> list[Tried]:
    """Bind once to each session carrier of the settings, one after the other."""
    return asyncio.run(_try_all(settings))


async def _try_all(settings: Settings) -> list[Tried]:
    gateway = build_gateway(settings)
    try:
        configured = [gateway.carriers.providers[name] for name in settings.file.providers]
        return [await _try(provider) for provider in configured]
    finally:
        gateway.storage.database.close()
        await gateway.close_connections()


async def _try(provider: Provider) -> Tried:
    if not provider.slots:
        return Tried(provider.name, None, "nothing is checked: a request would be a message")
    running = asyncio.create_task(provider.run(0, _Nowhere(), EndlessLease()))
    try:
        async with asyncio.timeout(_WITHIN_SECONDS):
            while not (is_bound := 0 in provider.slots_up) and not running.done():  # noqa: ASYNC110  an adapter tells nobody
                await asyncio.sleep(_LOOK_SECONDS)
    except TimeoutError:
        is_bound = False
    running.cancel()
    [error] = await asyncio.gather(running, return_exceptions=True)
    if is_bound:
        return Tried(provider.name, is_bound=True, answer="the carrier accepted the bind")
    match error:
        case BindEndedError():
            answer = str(error)
        case asyncio.CancelledError():
            answer = f"no answer within {_WITHIN_SECONDS:.0f} s"
        case _:
            answer = type(error).__name__
    return Tried(provider.name, is_bound=False, answer=answer)
