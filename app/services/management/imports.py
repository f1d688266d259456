"""Bulk imports: the lines of a file in chunks, each line on its own (http-api.md, safety.md 32)."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice

from app import observability
from app.domain.refusals import Refusal, RefusalReason
from app.domain.storage import StorageUnavailableError
from app.domain.values import value
from app.services.management.import_lines import ImportLine
from app.services.refusals import RefusedError

log = observability.logger(__name__)
MAX_FAULTS = 1_000
_MAX_KEPT_LINES = 1_000
# Lines that are parsed together in a thread and then imported concurrently, so that they share commits. Few enough
# that starting all of them does not block the event loop.
_CHUNK_LINES = 200


class InvalidLineError(ValueError):
    """A line whose fields are invalid. ``explain`` says why; that takes longer than finding it out."""

    def __init__(self, explain: Callable[[], str]) -> None:
        super().__init__("invalid line")
        self.explain = explain


@value
class LineCall:
    """What a valid line asks for.

    Attributes:
        carry_out: imports the line and returns the names of the fields that were not imported.
        kind: the type of the line.
        concurrent: neighbouring lines of this type are imported concurrently and so share commits.
        msisdn: the subscriber, if the line is about one.
    """

    carry_out: Callable[[], Awaitable[Sequence[str]]]
    kind: str
    concurrent: bool
    msisdn: str | None


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


_Parsed = tuple[int, LineCall]


class Import:
    """The import of one file. Its memory does not grow with the file."""

    def __init__(self, parse: Callable[[ImportLine], LineCall]) -> None:
        """``parse`` returns what a line asks for, or raises InvalidLineError; it is called in a thread."""
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
            for group in _groups(item for item in chunk if not isinstance(item, LineFault)):
                faults += [fault for fault in await asyncio.gather(*map(self._carry_out, group)) if fault]
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

    async def _carry_out(self, parsed: _Parsed) -> LineFault | None:
        number, call = parsed
        try:
            kept = await call.carry_out()
        except RefusedError as error:
            return LineFault(number, error.refusal)
        except StorageUnavailableError:
            raise
        except Exception:
            log.exception("a line of an import failed", line=number)
            return LineFault(number, None)
        if kept and len(self._kept) < _MAX_KEPT_LINES:
            self._kept[number] = kept
        return None


def _groups(lines: Iterable[_Parsed]) -> Iterator[list[_Parsed]]:
    """Yield groups of neighbouring lines to import concurrently: of one type, at most one line for each subscriber."""
    group: list[_Parsed] = []
    seen: set[str | None] = set()
    for line in lines:
        _, call = line
        if group and (not call.concurrent or call.kind != group[0][1].kind or call.msisdn in seen):
            yield group
            group, seen = [], set()
        group.append(line)
        seen.add(call.msisdn)
    if group:
        yield group
