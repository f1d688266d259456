"""Orders, charges, tickets and campaigns of the gateway. Each reads its state anew when it is asked."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from smsgw_testkit import times
from smsgw_testkit.wire.calls import Api

Settle = Callable[[], None]


class Record:
    """Something that the gateway keeps under an id."""

    _within: str

    def __init__(self, api: Api, record_id: str, settle: Settle) -> None:
        """``settle`` waits until the gateway has nothing left to do."""
        self.id = record_id
        self._api = api
        self._settle = settle

    def read(self) -> dict[str, Any]:
        """Return all fields, as the API shows them once the gateway has nothing left to do."""
        self._settle()
        found: dict[str, Any] = self._api.get(f"/api/v1/{self._within}/{self.id}")
        return found

    @property
    def state(self) -> str:
        """The state now."""
        return str(self.read()["state"])

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id}>"


class Order(Record):
    """An order: ``awaiting_confirmation``, ``confirmed``, ``declined``, ``expired`` or ``refused``."""

    _within = "orders"


class Charge(Record):
    """A fee: ``announced``, ``reminded``, ``disputed``, ``charged``, ``waived`` or ``cancelled``."""

    _within = "charges"


class Ticket(Record):
    """A complaint or dispute: ``open`` or ``resolved``; ``number`` is what the customer knows it by."""

    _within = "tickets"

    @property
    def number(self) -> str:
        """The short number in texts to the customer."""
        return str(self.read()["number"])

    @property
    def text(self) -> str:
        """What the customer wrote."""
        return str(self.read()["text"])

    def answer(self, message: str = "已收到，正在核实。", *, wait: bool = True) -> None:
        """Send the first response to the customer."""
        self._api.post(f"/api/v1/tickets/{self.id}/first-response", {"message": message})
        if wait:
            self._settle()

    def resolve(
        self,
        decision: Literal["cancelled", "upheld", "done"] = "done",
        message: str | None = None,
        *,
        refund: Literal["double", "principal", "none"] | None = None,
        charge: Charge | None = None,
        wait: bool = True,
    ) -> None:
        """Decide it, with a message to the customer and a refund of a charge if given."""
        of_charge = {"charge_id": charge.id} if charge else {}
        body = {
            "decision": decision,
            **({"message": message} if message is not None else {}),
            **({"refund": {"policy": refund, **of_charge}} if refund is not None else {}),
        }
        self._api.post(f"/api/v1/tickets/{self.id}/resolve", body)
        if wait:
            self._settle()


class Campaign(Record):
    """A message to many; ``counts`` says how far it is."""

    _within = "campaigns"

    @property
    def counts(self) -> dict[str, Any]:
        """How many wait, were sent, failed or were left out."""
        found: dict[str, Any] = self.read()["counts"]
        return found

    @property
    def state(self) -> str:
        """``done`` when all recipients had been processed, else ``running``."""
        return "done" if self.read()["done_at"] else "running"


@dataclass(frozen=True, slots=True)
class Subscription:
    """A service that a customer has or had. Times are in Asia/Shanghai."""

    service_code: str
    state: str
    in_plan: bool
    started_at: datetime
    price_fen: int
    ends_at: datetime | None
    trial_ends_at: datetime | None

    @classmethod
    def read(cls, given: dict[str, Any]) -> "Subscription":
        """Return a subscription from the gateway's answer."""
        ends, trial = given.get("ends_at"), given.get("trial_ends_at")
        return cls(
            service_code=given["service_code"],
            state=given["state"],
            in_plan=given["in_plan"],
            started_at=times.moment(given["started_at"]),
            price_fen=given["price_fen"],
            ends_at=times.moment(ends) if ends else None,
            trial_ends_at=times.moment(trial) if trial else None,
        )


@dataclass(frozen=True, slots=True)
class Evidence:
    """A record of a customer's chain of evidence; ``at`` is in Asia/Shanghai."""

    seq: int
    at: datetime
    kind: str
    subject: str
    payload: dict[str, Any] | None

    @classmethod
    def read(cls, given: dict[str, Any]) -> "Evidence":
        """Return a record from the gateway's answer."""
        return cls(given["seq"], times.moment(given["at"]), given["kind"], given["subject"], given["payload"])
