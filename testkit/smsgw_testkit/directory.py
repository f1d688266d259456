"""What a test needs to be there: SPs, services, customers, orders, fees, usage, bills. Everything has a default.

What happens to customers is waited for until nothing is left to do, unless a call says ``wait=False``.
"""

import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NotRequired, TypedDict, Unpack

from smsgw_testkit import times
from smsgw_testkit.dialling import Numbers
from smsgw_testkit.errors import SmsgwError
from smsgw_testkit.handset import Handset
from smsgw_testkit.records import Campaign, Charge, Order, Ticket
from smsgw_testkit.times import Time
from smsgw_testkit.wire.calls import Api

# SPs of the demo fixture, whose events go to the kit, too; a test compares them with the fixture.
DEMO_PROVIDERS: Mapping[str, tuple[str, str, str]] = {
    "XINHUA": ("新华手机报社", "新华", "4008100001"),
    "MOJI": ("墨迹气象公司", "墨迹", "4008100002"),
    "TITAN": ("体坛传媒公司", "体坛", "4008100003"),
}
_DEFAULT_PROVIDER = ("KITSP", "测试公司", "测试")
_KB = 1024
_CHARGE_DAYS = 1


class SubscriberFields(TypedDict):
    """Fields of a customer; those that are left out have a default."""

    number: NotRequired[str]
    brand: NotRequired[Literal["gotone", "mzone", "easyown"]]
    vip: NotRequired[bool]
    payment: NotRequired[Literal["prepaid", "postpaid"]]
    balance_fen: NotRequired[int]
    points: NotRequired[int]
    status: NotRequired[Literal["active", "suspended", "closed"]]
    language: NotRequired[Literal["zh", "en"]]
    plan: NotRequired[Mapping[str, object]]
    service_password: NotRequired[str]


class ServiceFields(TypedDict):
    """Further fields of a service; those that are left out have a default."""

    cancel_effect: NotRequired[Literal["immediate", "within_24h", "month_end"]]
    cancellable_by_sms: NotRequired[bool]
    cancel_how: NotRequired[str]
    cancel_warning: NotRequired[str]
    order_keyword: NotRequired[str | None]
    on_offer: NotRequired[bool]
    trial_days: NotRequired[int]
    visible: NotRequired[bool]


_SUBSCRIBER: Mapping[str, object] = {
    "brand": "gotone",
    "vip": False,
    "payment": "postpaid",
    "balance_fen": 0,
    "points": 0,
    "status": "active",
    "language": "zh",
}
_SERVICE: Mapping[str, object] = {
    "cancel_effect": "immediate",
    "cancellable_by_sms": True,
    "on_offer": True,
    "trial_days": 0,
    "visible": True,
}


class Directory:
    """The one-line calls. ``smsgw`` has all of them."""

    api: Api
    settle: Callable[[], None]
    handset: Callable[[str], Handset]
    numbers: Numbers

    def __init__(self) -> None:
        self._bodies: dict[str, dict[str, object]] = {}
        self._latest: str | None = None
        # The address and secret of an SP's events by its code; None while events go nowhere.
        self._address_of: Callable[[str], tuple[str, str]] | None = None
        self._addressed: set[str] = set()

    def provider(
        self,
        code: str,
        *,
        name: str | None = None,
        short_name: str | None = None,
        service_phone: str = "4008000000",
        own: bool = False,
        confirm_mode: Literal["fixed", "code"] | None = None,
    ) -> str:
        """Make or change an SP, which the next services are of. Return its code."""
        body: dict[str, object] = {
            "name": name or code,
            "short_name": short_name or name or code,
            "service_phone": service_phone,
            "own": own,
            **({"confirm_mode": confirm_mode} if confirm_mode else {}),
        }
        self._bodies[code] = body
        self._addressed.discard(code)
        self._put_provider(code)
        self._latest = code
        return code

    def sp(self, code: str, *, webhook_url: str, webhook_secret: str) -> None:
        """Let the gateway post the events of an SP to software under test itself. Raise SmsgwError if it is unknown."""
        if code not in self._bodies:
            raise SmsgwError(f"there is no SP {code}; make it: smsgw.provider({code!r})")
        self._addressed.add(code)
        body = {**self._bodies[code], "webhook_url": webhook_url, "webhook_secret": webhook_secret}
        self.api.put(f"/api/v1/service-providers/{code}", body)

    def service(
        self,
        code: str,
        *,
        name: str | None = None,
        provider: str | None = None,
        price_fen: int = 300,
        billing: Literal["monthly", "per_use", "free"] = "monthly",
        **fields: Unpack[ServiceFields],
    ) -> str:
        """Make or change a service, of the SP that was made last unless one is named. Return its code."""
        keyword = code if code.isascii() and code.isalpha() else None
        body = {
            "name": name or code,
            "sp_code": provider or self._latest or self._default_provider(),
            "billing": billing,
            "price_fen": price_fen,
            **_SERVICE,
            **({"order_keyword": keyword} if keyword else {}),
            **fields,
        }
        self.api.put(f"/api/v1/services/{code}", body)
        return code

    def subscriber(self, **fields: Unpack[SubscriberFields]) -> Handset:
        """Make or change a customer, with a number of their own unless one is given. Return the handset."""
        given: dict[str, object] = dict(fields)
        number = str(given.pop("number", None) or self.numbers.next())
        self.api.put(f"/api/v1/subscribers/{number}", {**_SUBSCRIBER, **given})
        self.settle()
        return self.handset(number)

    # ---- what happens to customers

    def order(
        self,
        handset: Handset,
        service: str,
        channel: Literal["sp", "web", "wap", "app", "agent"] = "sp",
        *,
        wait: bool = True,
    ) -> Order:
        """Order a service for a customer, who is asked by SMS. Return the order."""
        body = {"msisdn": handset.number, "service_code": service, "channel": channel}
        order_id = self.api.post("/api/v1/orders", body)["order_id"]
        self._settled(wait=wait)
        return Order(self.api, order_id, self.settle)

    def charge(
        self,
        handset: Handset,
        service: str,
        fen: int,
        *,
        due: Time | None = None,
        kind: Literal["monthly", "per_use"] = "monthly",
        period: str | None = None,
        charge_id: str | None = None,
        wait: bool = True,
    ) -> Charge:
        """Announce a fee, due in a day unless a time is given. Return the charge."""
        at = times.moment(due) if due else self._now() + times.days(_CHARGE_DAYS)
        body = {
            "charge_id": charge_id or f"kit-{uuid.uuid4()}",
            "msisdn": handset.number,
            "service_code": service,
            "kind": kind,
            "amount_fen": fen,
            "due_at": at.isoformat(),
            **({"period": period} if period else {}),
        }
        found = self.api.post("/api/v1/charges", body)["charge_id"]
        self._settled(wait=wait)
        return Charge(self.api, found, self.settle)

    def use(
        self,
        handset: Handset,
        service: str,
        *,
        at: Time | None = None,
        channel: Literal["sms", "web", "wap", "app"] = "sms",
        use_id: str | None = None,
        wait: bool = True,
    ) -> Charge:
        """Report a use of a service that is paid by use. Return its charge."""
        body = {
            "use_id": use_id or f"kit-{uuid.uuid4()}",
            "msisdn": handset.number,
            "service_code": service,
            "channel": channel,
            "at": (times.moment(at) if at else self._now()).isoformat(),
        }
        found = self.api.post("/api/v1/usage/per-use", body)["charge"]["charge_id"]
        self._settled(wait=wait)
        return Charge(self.api, found, self.settle)

    def usage(
        self, handset: Handset, *, mb: float, month: str | None = None, at: Time | None = None, wait: bool = True
    ) -> None:
        """Report the data that a customer has used in a month (``2026-03``), in MB of 1024 KB."""
        moment = times.moment(at) if at else self._now()
        body = {"used_kb": round(mb * _KB), "at": moment.isoformat()}
        self._post_for(handset, "usage/data", {**body, "month": month or f"{moment:%Y-%m}"}, wait=wait)

    def bill(self, handset: Handset, items: Mapping[str, int], month: str | None = None, *, wait: bool = True) -> None:
        """Post a bill: amounts in fen by their name; default month: this one."""
        rows = [{"name": name, "amount_fen": fen} for name, fen in items.items()]
        self._post_for(handset, "bills", {"month": month or f"{self._now():%Y-%m}", "items": rows}, wait=wait)

    def spend(
        self, handset: Handset, fen: int, *, month: str | None = None, at: Time | None = None, wait: bool = True
    ) -> None:
        """Post what a customer has spent in a month so far, in fen."""
        moment = times.moment(at) if at else self._now()
        body = {"amount_fen": fen, "at": moment.isoformat()}
        self._post_for(handset, "spend", {**body, "month": month or f"{moment:%Y-%m}"}, wait=wait)

    @property
    def tickets(self) -> list[Ticket]:
        """All tickets."""
        self.settle()
        rows = self.api.get("/api/v1/tickets", {"limit": 500})["tickets"]
        return [Ticket(self.api, row["id"], self.settle) for row in rows]

    def campaign(
        self, text: str, to: Iterable[Handset], kind: Literal["care", "marketing"] = "care", *, wait: bool = True
    ) -> Campaign:
        """Send a text to many, under the rules of campaigns. Return the campaign."""
        body = {"class": kind, "text": text, "msisdns": [handset.number for handset in to]}
        found = self.api.post("/api/v1/campaigns", body)["id"]
        self._settled(wait=wait)
        return Campaign(self.api, found, self.settle)

    # ---- within

    def _begin_directory(self, *, is_demo: bool) -> None:
        """Know what is there after a reset."""
        known = DEMO_PROVIDERS if is_demo else {}
        self._bodies = {
            code: {"name": name, "short_name": short, "service_phone": phone, "own": False}
            for code, (name, short, phone) in known.items()
        }
        self._latest = None
        self._addressed.clear()

    def _address_events(self) -> None:
        """Point every SP to the kit."""
        for code in self._bodies:
            if code not in self._addressed:
                self._put_provider(code)

    def _put_provider(self, code: str) -> None:
        body: dict[str, Any] = dict(self._bodies[code])
        if self._address_of is not None and not body["own"]:
            url, secret = self._address_of(code)
            body |= {"webhook_url": url, "webhook_secret": secret}
        self.api.put(f"/api/v1/service-providers/{code}", body)

    def _default_provider(self) -> str:
        code, name, short_name = _DEFAULT_PROVIDER
        return self.provider(code, name=name, short_name=short_name)

    def _post_for(self, handset: Handset, path: str, body: Mapping[str, object], *, wait: bool) -> None:
        self.api.post(f"/api/v1/{path}", {"msisdn": handset.number, **body})
        self._settled(wait=wait)

    def _settled(self, *, wait: bool) -> None:
        if wait:
            self.settle()

    def _now(self) -> Any:  # noqa: ANN401  the gateway's time, which a subclass knows
        raise NotImplementedError
