"""Named fixtures for an empty gateway: JSON files of management calls, with times relative to the gateway's clock."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from importlib import resources
from typing import Any

from app.commands.accounts.data_usage import ReadDataUsage, Reading
from app.commands.accounts.directory import SetSubscriber
from app.commands.accounts.import_lines import ImportSubscription
from app.db.session import Database
from app.db.state import current_state
from app.domain import actors
from app.domain.account import Brand, Language, Payment, Plan, SubscriberStatus
from app.domain.catalogue import Billing, CancelEffect, Service, ServiceProvider
from app.domain.months import month_of
from app.domain.subscriptions import Channel, SubscriptionState
from app.services.management.directory import Directory
from app.services.turns.handling import Turns

NAMES = ("demo",)


class UnknownFixtureError(LookupError):
    """There is no fixture of that name."""


class Fixtures:
    """Loads fixtures through the services of the management API."""

    def __init__(self, database: Database, directory: Directory, turns: Turns) -> None:
        self._database = database
        self._directory = directory
        self._turns = turns

    def check(self, name: str) -> None:
        """Raise UnknownFixtureError unless there is a fixture of that name."""
        if name not in NAMES:
            raise UnknownFixtureError(f"There is no such fixture; there is: {', '.join(NAMES)}.")

    async def load(self, name: str) -> None:
        """Load a fixture. Raise UnknownFixtureError, which names the fixtures that exist."""
        self.check(name)
        data = json.loads(resources.files("app.services").joinpath(f"{name}.json").read_text("utf-8"))
        now = (await self._database.read(current_state)).now
        for code, fields in data["service_providers"].items():
            await self._directory.put_service_provider(ServiceProvider(sp_code=code, **fields), None)
        for code, fields in data["services"].items():
            await self._directory.put_service(_service(code, fields))
        for msisdn, fields in data["subscribers"].items():
            await self._directory.set_subscriber(msisdn, _subscriber(fields))
        for msisdn, held in data["subscriptions"].items():
            for code, fields in held.items():
                await self._directory.import_subscription(msisdn, _subscription(code, fields, now))
        for msisdn, used_kb in data["data_usage"].items():
            await self._turns.carry_out(msisdn, ReadDataUsage((Reading(month_of(now), used_kb, now),)))


# Any: fixture files are part of the program, and the types below check each value.
def _service(code: str, fields: Mapping[str, Any]) -> Service:
    defaults: dict[str, Any] = {
        "cancellable_by_sms": True, "cancel_how": None, "cancel_warning": None, "order_keyword": None,
        "on_offer": True, "trial_days": 0, "visible": True,
    }  # fmt: skip
    values = {
        **defaults,
        **fields,
        "billing": Billing(fields["billing"]),
        "cancel_effect": CancelEffect(fields["cancel_effect"]),
    }
    return Service(service_code=code, **values)


def _subscriber(fields: Mapping[str, Any]) -> SetSubscriber:
    plan = fields.get("plan")
    return SetSubscriber(
        who=actors.FIXTURE,
        given=frozenset(fields),
        create=True,
        brand=Brand(fields["brand"]),
        payment=Payment(fields["payment"]),
        balance_fen=fields["balance_fen"],
        points=fields["points"],
        status=SubscriberStatus.ACTIVE,
        language=Language.ZH,
        plan=Plan(**plan) if plan else None,
    )


def _subscription(code: str, fields: Mapping[str, Any], now: datetime) -> ImportSubscription:
    ends = fields.get("trial_ends_in_days")
    return ImportSubscription(
        who=actors.FIXTURE,
        service_code=code,
        state=SubscriptionState(fields.get("state", "active")),
        in_plan=fields.get("in_plan", False),
        started_at=now - timedelta(days=fields["started_days_ago"]),
        channel=Channel(fields["channel"]),
        trial_ends_at=now + timedelta(days=ends) if ends else None,
    )
