"""Making turns: what every turn of a batch gets, and the unit of work that collects their outcomes."""

import secrets
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection

from app.db.catalogue import load_catalogue
from app.domain.account import Account
from app.domain.catalogue import Catalogue
from app.domain.heads import HeadKeys
from app.domain.passwords import PasswordCheckResult
from app.domain.policy import Policy
from app.domain.turn import Turn
from app.services.ids import IdSource
from app.services.turns.codec import AccountCodec
from app.services.turns.pending import QueuedStimulus
from app.services.turns.unit_of_work import UnitOfWork


class TurnFactory:
    """Makes turns, and the units of work that their outcomes are added to."""

    def __init__(self, ids: IdSource, policy: Policy, codec: AccountCodec, heads: HeadKeys) -> None:
        self._ids = ids
        self._policy = policy
        self._codec = codec
        self._heads = heads
        self._catalogue = Catalogue()

    def unit_of_work(self, older: Iterable[str | None]) -> UnitOfWork:
        """Return the unit of work of a new batch. All ids drawn from now on sort after the ``older`` ones.

        These are the versions of the locked conversations and the ids of their messages. So ids of one number are in
        the order of its batches, even if the clocks of two processes differ.
        """
        newest = max(filter(None, older), default=None)
        if newest is not None:
            self._ids.start_after(newest)
        return UnitOfWork(self._codec, self._ids, self._heads)

    def catalogue(self, connection: Connection, version: int) -> Catalogue:
        """Return the catalogue, which has this version now; it is loaded only when the version has changed."""
        if self._catalogue.version != version:
            self._catalogue = load_catalogue(connection)
        return self._catalogue

    def turn(
        self,
        account: Account,
        queued: QueuedStimulus,
        catalogue: Catalogue,
        now: datetime,
        password_result: PasswordCheckResult | None = None,
    ) -> Turn:
        """Return the turn of a stimulus that is handled at ``now`` (UTC)."""
        return Turn(
            queued.stimulus, account, catalogue, self._policy, queued.carrier, queued.at, now, self._ids,
            secrets.randbelow, password_result,
        )  # fmt: skip
