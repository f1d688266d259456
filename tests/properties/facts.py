"""What is on record of one customer, as the witness is shown it."""

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
    """What is on record now; all of it belongs to the tenure that there is."""

    now: datetime
    subscriber: Subscriber
    subscriptions: Mapping[str, Subscription]
    charges: Mapping[str, Charge]
    orders: Mapping[str, Order]
    refunds: Mapping[str, Refund]
    evidence: Sequence[EvidenceRecord]

    @property
    def bound(self) -> tuple[object, ...]:
        """What costs or saves her money."""
        return self.subscriptions, self.charges, self.orders, self.refunds
