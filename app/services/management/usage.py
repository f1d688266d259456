"""Readings of data usage in the management API: many at a time, one turn for each subscriber."""

import asyncio
from collections.abc import Sequence

from app.commands.accounts.data_usage import ReadDataUsage, Reading, ReadingResult
from app.domain.refusals import Refusal
from app.services.refusals import RefusedError
from app.services.turns.handling import Turns


class Usage:
    """Records readings."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns

    async def record(self, readings: Sequence[tuple[str, Reading]]) -> list[ReadingResult | Refusal]:
        """Record readings of subscribers, given by their MSISDN; return a result for each, in order.

        The readings of one subscriber are recorded in the order given, those of different ones side by side. Where a
        subscriber's call is refused, all of that subscriber's readings are.
        """
        places: dict[str, list[int]] = {}
        for place, (msisdn, _) in enumerate(readings):
            places.setdefault(msisdn, []).append(place)
        results: list[ReadingResult | Refusal] = [ReadingResult.OLDER] * len(readings)

        async def record_one(msisdn: str, mine: Sequence[int]) -> None:
            found = await self._record_for_subscriber(msisdn, tuple(readings[place][1] for place in mine))
            for place, result in zip(mine, found, strict=True):
                results[place] = result

        await asyncio.gather(*(record_one(msisdn, mine) for msisdn, mine in places.items()))
        return results

    async def _record_for_subscriber(
        self, msisdn: str, readings: tuple[Reading, ...]
    ) -> Sequence[ReadingResult | Refusal]:
        try:
            return await self._turns.carry_out(msisdn, ReadDataUsage(readings))
        except RefusedError as error:
            return [error.refusal] * len(readings)
