"""Leasing of new messages in the commit that makes them, so that they are sent without a claim (ADR 22)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection

from app.db.outbox import ClaimedMessage
from app.domain.values import value

Rows = Sequence[dict[str, Any]]
# By the provider's name.
Leased = Mapping[str, Sequence[ClaimedMessage]]


class Outlet(Protocol):
    """What sends the messages of one provider from this process."""

    def lease(self, connection: Connection, rows: Rows, now: datetime) -> Sequence[ClaimedMessage]:
        """Lease those of the new ``rows`` that can be sent at once, by changing them, and return them.

        Called in the thread that writes. The other rows stay queued, to be claimed.
        """
        ...

    def send(self, leased: Sequence[ClaimedMessage], began: float) -> None:
        """Send leased messages; called after the commit, which began at ``began`` (monotonic seconds)."""
        ...

    def wake(self) -> None:
        """Look for queued messages soon; called after a commit that made some."""
        ...


def lease_new(outlets: Mapping[str, Outlet], connection: Connection, rows: Rows, now: datetime) -> Leased:
    """Lease new messages that can be sent at once.

    A number whose messages go through several providers is left out, as they keep their order.
    """
    if not outlets:
        return {}
    providers: dict[object, set[object]] = defaultdict(set)
    for row in rows:
        providers[row["msisdn"]].add(row["provider"])
    leased: dict[str, Sequence[ClaimedMessage]] = {}
    for name, outlet in outlets.items():
        own = [row for row in rows if providers[row["msisdn"]] == {name}]
        if own and (taken := outlet.lease(connection, own, now)):
            leased[name] = taken
    return leased


@value
class HandledBatch:
    """What a batch did.

    Attributes:
        worked: it did anything.
        is_full: there may be more to do at once.
        leased: messages to send now.
        messages_queued: it queued others, to be claimed.
    """

    worked: bool
    is_full: bool = False
    leased: Leased = field(default_factory=dict)
    messages_queued: bool = False
