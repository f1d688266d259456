"""Handlers declare the records that they read: neither fewer, which would fail their turn, nor more."""

from collections.abc import Iterator
from typing import Any, cast

import pytest

from app.commands.registry import ALL_RECORDS, Reads
from app.db.records import KINDS
from app.domain.account import Account
from app.domain.records import Record
from tests.commands.reading_handlers import kinds_read_by
from tests.commands.transcript import registry
from tests.commands.world import MSISDN, SUBSCRIBER


def _handlers() -> Iterator[tuple[str, Any, Reads]]:
    found = registry()
    commands = {entry.run: entry.reads for entry in (*found.keywords.values(), *found.prefixes.values())}
    handlers = {entry.run: entry.reads for entry in (*found.timers.values(), *found.calls.values())}
    for function, reads in (*commands.items(), *handlers.items()):
        run = cast("Any", function)
        yield f"{run.__module__.removeprefix('app.commands.')}.{run.__name__}", run, reads


@pytest.mark.parametrize(("run", "reads"), [pytest.param(run, reads, id=name) for name, run, reads in _handlers()])
def test_a_handler_declares_what_it_reads(run: Any, reads: Reads) -> None:  # noqa: ANN401  a function of any kind
    declared = frozenset(KINDS if reads is ALL_RECORDS else reads)
    assert {kind.__name__ for kind in kinds_read_by(run)} == {kind.__name__ for kind in declared}


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_that_was_not_declared_is_an_error_and_not_absent(kind: type[Record]) -> None:
    account = Account(MSISDN, SUBSCRIBER)
    with pytest.raises(LookupError, match=kind.__name__):
        account.record(kind, "x")
    with pytest.raises(LookupError, match=kind.__name__):
        account.records_of(kind)
