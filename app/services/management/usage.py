"""Readings of data usage in the management API: many at a time, one turn for each subscriber."""

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

        The readings of one subscriber are recorded in the order given. Where a subscriber's call is refused, all of
        that subscriber's readings are.
        """
        places: dict[str, list[int]] = {}
        for place, (msisdn, _) in enumerate(readings):
            places.setdefault(msisdn, []).append(place)
        calls = [
            (msisdn, ReadDataUsage(tuple(readings[place][1] for place in mine))) for msisdn, mine in places.items()
        ]
        found = await self._turns.carry_out_all(calls)
        results: list[ReadingResult | Refusal] = [ReadingResult.OLDER] * len(readings)
        for mine, answer in zip(places.values(), found, strict=True):
            for place, result in zip(mine, _results(answer, len(mine)), strict=True):
                results[place] = result
        return results


def _results(answer: Sequence[ReadingResult | Refusal] | Exception, count: int) -> Sequence[ReadingResult | Refusal]:
    if isinstance(answer, RefusedError):
        return [answer.refusal] * count
    if isinstance(answer, Exception):
        raise answer
    return answer
