"""Named fixtures for an empty gateway: a catalogue, and people with what can be tried with each.

They are JSON files of management calls, with times relative to the gateway's clock.
"""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from importlib import resources
from typing import Any

from app.commands.accounts.data_usage import ReadDataUsage, Reading
from app.commands.accounts.directory import SetSubscriber
from app.commands.accounts.import_lines import ImportSubscription
from app.commands.tickets.complaints import AgentComplaint
from app.db.access import tenures_now
from app.db.session import Database
from app.db.state import current_state
from app.domain import actors
from app.domain.account import Brand, Language, Payment, Plan, SubscriberStatus
from app.domain.catalogue import Billing, CancelEffect, Service, ServiceProvider
from app.domain.months import month_of
from app.domain.subscriptions import Channel, SubscriptionState
from app.domain.turn import Call
from app.domain.values import value
from app.services.management.directory import Directory
from app.services.turns.handling import Turns

NAMES = ("demo",)


class UnknownFixtureError(LookupError):
    """There is no fixture of that name."""


@value
class Person:
    """A subscriber of a fixture.

    Attributes:
        msisdn: the number in E.164.
        try_en: what can be tried with them, in a few English words.
        try_zh: the same in Chinese.
        fields: what the fixture's file says of them.
    """

    msisdn: str
    try_en: str
    try_zh: str
    fields: Mapping[str, Any]


@value
class Fixture:
    """The content of a fixture's file."""

    service_providers: Mapping[str, Any]
    services: Mapping[str, Any]
    people: tuple[Person, ...]


@cache
def read(name: str) -> Fixture:
    """Return a fixture. Raise UnknownFixtureError, which names the fixtures that exist."""
    if name not in NAMES:
        raise UnknownFixtureError(f"There is no such fixture; there is: {', '.join(NAMES)}.")
    data = json.loads(resources.files("app.services").joinpath(f"{name}.json").read_text("utf-8"))
    people = (Person(msisdn, one["try"]["en"], one["try"]["zh"], one) for msisdn, one in data["people"].items())
    return Fixture(data["service_providers"], data["services"], tuple(people))


class Fixtures:
    """Loads fixtures through the services of the management API."""

    def __init__(self, database: Database, directory: Directory, turns: Turns) -> None:
        self._database = database
        self._directory = directory
        self._turns = turns

    async def load(self, name: str) -> None:
        """Load a fixture. Raise UnknownFixtureError, which names the fixtures that exist."""
        fixture = read(name)
        await self.load_catalogue(fixture)
        await self.load_people(fixture.people)

    async def load_catalogue(self, fixture: Fixture) -> None:
        """Load the service providers and services of a fixture."""
        # What waits together is written together.
        await asyncio.gather(
            *(
                self._directory.put_service_provider(ServiceProvider(sp_code=code, **fields), None)
                for code, fields in fixture.service_providers.items()
            )
        )
        await asyncio.gather(
            *(self._directory.put_service(_service(code, fields)) for code, fields in fixture.services.items())
        )

    async def load_people(self, people: Sequence[Person]) -> None:
        """Load subscribers of a fixture and what they have, in one commit; the catalogue is there."""
        now = (await self._database.read(current_state)).now
        calls = [(person.msisdn, call) for person in people for call in _calls(person.fields, now)]
        for result in await self._turns.carry_out_all(calls):
            if isinstance(result, Exception):
                raise result

    async def people(self) -> list[Person]:
        """Return the people of all fixtures who are subscribers now, in the order of their fixture."""
        everybody = [person for name in NAMES for person in read(name).people]
        numbers = [person.msisdn for person in everybody]
        there = await self._database.read(lambda connection: tenures_now(connection, numbers))
        return [person for person in everybody if person.msisdn in there]


# Any: fixture files are part of the program, and the types below check each value.
def _calls(fields: Mapping[str, Any], now: datetime) -> Iterator[Call[Any]]:
    yield _subscriber(fields["subscriber"])
    for code, held in fields.get("subscriptions", {}).items():
        yield _subscription(code, held, now)
    if "used_kb" in fields:
        yield ReadDataUsage((Reading(month_of(now), fields["used_kb"], now),))
    if "complaint" in fields:
        yield AgentComplaint(actors.FIXTURE, fields["complaint"])


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
        vip=fields.get("vip", False),
        payment=Payment(fields["payment"]),
        balance_fen=fields["balance_fen"],
        points=fields["points"],
        status=SubscriberStatus(fields.get("status", "active")),
        language=Language(fields.get("language", "zh")),
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
