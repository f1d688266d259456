"""The records of one customer, as the witness sees them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.domain.account import Subscriber
from app.domain.charges import Charge
from app.domain.evidence import EvidenceRecord
from app.domain.orders import Order
from app.domain.refunds import Refund
from app.domain.subscriptions import Subscription


@dataclass(frozen=True)
class Facts:
    """The records at ``now`` (UTC), all of the current tenure."""

    now: datetime
    subscriber: Subscriber
    subscriptions: Mapping[str, Subscription]
    charges: Mapping[str, Charge]
    orders: Mapping[str, Order]
    refunds: Mapping[str, Refund]
    evidence: Sequence[EvidenceRecord]

    @property
    def bound(self) -> tuple[object, ...]:
        """The records that decide what the customer pays."""
        return self.subscriptions, self.charges, self.orders, self.refunds
