"""Bulk imports: the lines of a file in chunks, each line on its own (http-api.md, safety.md 32)."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from itertools import groupby, islice
from typing import Any

from app import observability
from app.commands.accounts.import_lines import Imported
from app.domain.refusals import Refusal, RefusalReason
from app.domain.storage import StorageUnavailableError
from app.domain.turn import Call
from app.domain.values import value
from app.services.management.import_lines import ImportLine
from app.services.refusals import RefusedError
from app.services.turns.handling import Turns

log = observability.logger(__name__)
MAX_FAULTS = 1_000
_MAX_KEPT_LINES = 1_000
# Lines that are parsed together in a thread and then imported in one commit. Between two chunks, what waits for the
# database goes first.
_CHUNK_LINES = 1_000


class InvalidLineError(ValueError):
    """A line whose fields are invalid. ``explain`` says why; that takes longer than finding it out."""

    def __init__(self, explain: Callable[[], str]) -> None:
        super().__init__("invalid line")
        self.explain = explain


@value
class TurnLine:
    """A valid line about a subscriber: a call, which returns the names of the fields that were not imported."""

    msisdn: str
    call: Call[Any]


@value
class CatalogueLine:
    """A valid line about an SP or a service; ``put`` imports it."""

    put: Callable[[], Awaitable[object]]


@value
class LineFault:
    """A line that was not imported, and why; ``refusal`` None: an error of ours, which is in the log."""

    line: int
    refusal: Refusal | None


@value
class ImportResult:
    """The result of an import.

    Attributes:
        lines: how many lines there were.
        failed: how many of them were not imported.
        faults: the first 1,000 of those.
        kept: the names of the fields that were not imported, by line; of at most 1,000 lines.
    """

    lines: int
    failed: int
    faults: Sequence[LineFault]
    kept: Mapping[int, Sequence[str]]


_Parsed = tuple[int, TurnLine | CatalogueLine]


class Import:
    """The import of one file. Its memory does not grow with the file."""

    def __init__(self, turns: Turns, parse: Callable[[ImportLine], TurnLine | CatalogueLine]) -> None:
        """``parse`` returns what a line asks for, or raises InvalidLineError or RefusedError; it runs in a thread."""
        self._turns = turns
        self._parse = parse
        self._failed = 0
        self._faults: list[LineFault] = []
        self._kept: dict[int, Sequence[str]] = {}

    async def run(self, lines: Iterator[ImportLine]) -> ImportResult:
        """Import all lines. Raise StorageUnavailableError, as that affects all: the caller sends the file again."""
        count = 0
        while chunk := await asyncio.to_thread(self._parse_chunk, lines):
            count += len(chunk)
            faults = [item for item in chunk if isinstance(item, LineFault)]
            parsed = (item for item in chunk if not isinstance(item, LineFault))
            for _, group in groupby(parsed, lambda item: isinstance(item[1], TurnLine)):
                faults += await self._carry_out(list(group))
            self._failed += len(faults)
            self._faults += sorted(faults, key=lambda fault: fault.line)[: MAX_FAULTS - len(self._faults)]
        return ImportResult(count, self._failed, self._faults, dict(sorted(self._kept.items())))

    def _parse_chunk(self, lines: Iterator[ImportLine]) -> list[_Parsed | LineFault]:
        return [self._parse_line(line) for line in islice(lines, _CHUNK_LINES)]

    def _parse_line(self, line: ImportLine) -> _Parsed | LineFault:
        try:
            return line.number, self._parse(line)
        except InvalidLineError as error:
            reported = len(self._faults) < MAX_FAULTS
            return LineFault(line.number, Refusal(RefusalReason.INVALID, error.explain() if reported else ""))
        except Exception as error:  # noqa: BLE001  reported for this line
            return _fault(line.number, error)

    async def _carry_out(self, group: Sequence[_Parsed]) -> list[LineFault]:
        """Import neighbouring lines, which are all about subscribers or all about the catalogue."""
        calls = [(line.msisdn, line.call) for _, line in group if isinstance(line, TurnLine)]
        puts = [line.put for _, line in group if isinstance(line, CatalogueLine)]
        results = [*await self._turns.carry_out_all(calls), *[await _result(put) for put in puts]]
        faults: list[LineFault] = []
        for (number, _), result in zip(group, results, strict=True):
            if isinstance(result, Exception):
                faults.append(_fault(number, result))
            elif isinstance(result, Imported) and result.kept and len(self._kept) < _MAX_KEPT_LINES:
                self._kept[number] = result.kept
        return faults


async def _result(put: Callable[[], Awaitable[object]]) -> Exception | None:
    try:
        await put()
    except StorageUnavailableError:
        raise
    except Exception as error:  # noqa: BLE001  reported for this line
        return error
    return None


def _fault(number: int, error: Exception) -> LineFault:
    if isinstance(error, RefusedError):
        return LineFault(number, error.refusal)
    log.error("a line of an import failed", line=number, exc_info=error)
    return LineFault(number, None)
