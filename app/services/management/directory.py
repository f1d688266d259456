"""SPs, services and subscribers in the management API: writes with their checks, and reads of a tenure's data.

(http-api.md, management API; safety.md 1-3, 8, 9, 29)
"""

import asyncio
from collections.abc import Collection
from functools import partial

from sqlalchemy import Connection

from app.commands.accounts.directory import AgentUnsubscribe, SetSubscriber, SubscriberSet
from app.commands.accounts.import_lines import Imported, ImportSubscription
from app.commands.catalogue_names import confusable_service, name_violation
from app.commands.registry import Registry
from app.db import catalogue as rows
from app.db import directory as reading
from app.db import evidence, questions, records
from app.db.catalogue import is_held, load_catalogue
from app.db.questions import QuestionRead
from app.db.session import Database
from app.db.state import current_state, lock_catalogue
from app.domain.account import Subscriber
from app.domain.catalogue import FREE_COSTS_NOTHING, Service, ServiceProvider
from app.domain.credentials import signing_violation
from app.domain.evidence import EvidenceRecord, Verification
from app.domain.heads import HeadKeys
from app.domain.names import cancel_how_violation, cancel_warning_violation, order_keyword_violation
from app.domain.passwords import is_easy
from app.domain.preferences import PREFERENCES, Preferences
from app.domain.refusals import RefusalReason
from app.domain.subscriptions import Subscription
from app.domain.values import replace, value
from app.domain.versions import fits, version_of
from app.services.events.public_addresses import address_violation
from app.services.management.owners import OwnerFilter
from app.services.paging import Page, PageRequest
from app.services.refusals import RefusedError
from app.services.sealing import Sealer
from app.services.turns.handling import Turns
from app.services.turns.passwords import hash_password
from app.services.upkeep.chains import verify_chain

__all__ = ["Directory", "Put", "QuestionRead", "service_version"]

_EASY = "service_password: anybody could guess it; no single digit, no run, no part of the customer's number."


@value
class Put:
    """A service as a call left it; ``is_new``: the call made it."""

    service: Service
    is_new: bool


def service_version(service: Service) -> str:
    """Return the version of what a service offers."""
    return version_of(service, without=("past_prices", "sms_closed_after"))


class Directory:
    """Reads and writes SPs, services, subscribers and their subscriptions."""

    def __init__(
        self,
        database: Database,
        turns: Turns,
        registry: Registry,
        sealer: Sealer,
        *,
        private_webhooks: bool = False,
        own_links: Collection[str] = (),
    ) -> None:
        """``sealer`` encrypts SPs' webhook secrets and signs heads of evidence.

        ``private_webhooks`` permits webhook URLs at private addresses and without TLS. ``own_links`` are the hosts
        that ``cancel_how`` of a service may name.
        """
        self._database = database
        self._turns = turns
        self._registry = registry
        self._sealer = sealer
        self._private_webhooks = private_webhooks
        self._own_links = own_links

    # ---- SPs and services

    async def put_service_provider(self, provider: ServiceProvider, webhook_secret: str | None) -> bool:
        """Create or replace an SP. Return True if it is new.

        Raise RefusedError for a name that a listing could not show or a webhook that could not be called, or if the SP
        would become the operator's own while customers have its services.
        """
        for field in ("name", "short_name"):
            _raise_if(field, name_violation(self._registry, getattr(provider, field)))
        _check_webhook(provider.webhook_url, webhook_secret, private=self._private_webhooks)
        sealed = self._sealer.seal(webhook_secret) if webhook_secret is not None else None
        return await self._database.write(
            partial(_put_service_provider, provider=provider, sealed_webhook_secret=sealed)
        )

    async def put_service(self, service: Service, expected: Collection[str] | None = None) -> Put:
        """Create or replace a service, one of the ``expected`` versions if they are given. Return it as it is now.

        Subscribers keep the terms that they confirmed.

        Raise RefusedError for a value that is not allowed, for a name or keyword that could be mistaken for another,
        or for a change of SP or billing while customers have the service.
        """
        _raise_if("name", name_violation(self._registry, service.name))
        if service.cancel_how is not None:
            _raise_if("cancel_how", cancel_how_violation(service.cancel_how, self._own_links))
        if service.cancel_warning is not None:
            _raise_if("cancel_warning", cancel_warning_violation(service.cancel_warning))
        if not service.billing.allows(service.price_fen):
            raise RefusedError(RefusalReason.INVALID, FREE_COSTS_NOTHING)
        keyword = service.order_keyword.upper() if service.order_keyword else None
        if keyword:
            _raise_if("order_keyword", order_keyword_violation(keyword))
            clash = self._registry.clashes_with_order_keyword(keyword)
            if clash:
                raise RefusedError(
                    RefusalReason.NAME_TAKEN, f"order_keyword would be mistaken for the command {clash}."
                )
        given = replace(service, order_keyword=keyword)
        put = partial(_put_service, service=given, registry=self._registry, expected=expected)
        return await self._database.write(put)

    # ---- subscribers

    async def set_subscriber(self, msisdn: str, change: SetSubscriber, password: str | None = None) -> SubscriberSet:
        """Create, change or close a subscriber, with a new service password if one is given. Return it as it is now.

        Raise RefusedError if that is not possible, or for a password that is easy to guess.
        """
        if password:
            # Hashing takes long: it runs in a thread and before the transaction.
            change = await asyncio.to_thread(with_password, change, msisdn, password)
        return await self._turns.carry_out(msisdn, change)

    async def import_subscription(self, msisdn: str, wanted: ImportSubscription) -> Imported:
        """Import a subscription."""
        return await self._turns.carry_out(msisdn, wanted)

    async def unsubscribe(self, msisdn: str, wanted: AgentUnsubscribe) -> None:
        """Unsubscribe a subscriber on an agent's request. Raise RefusedError if that is not possible."""
        await self._turns.carry_out(msisdn, wanted)

    async def subscriber(self, msisdn: str, tenure: int | None = None) -> Subscriber:
        """Return a tenure; None: the current one. Raise RefusedError if there is none."""
        return await self._database.read(partial(_tenure, msisdn=msisdn, tenure=tenure))

    async def preferences(self, subscriber: Subscriber) -> Preferences:
        """Return which notices a subscriber has chosen to get, or the defaults."""
        return await self._database.read(partial(_preferences, subscriber=subscriber))

    async def subscriptions(self, msisdn: str, tenure: int | None = None) -> list[Subscription]:
        """Return all subscriptions of a tenure, ended ones included, by start. RefusedError as ``subscriber``."""
        return await self._database.read(partial(_subscriptions, msisdn=msisdn, tenure=tenure))

    async def evidence(self, owner: OwnerFilter, part: PageRequest) -> Page[EvidenceRecord]:
        """Return records of a tenure's chain; cursors are their sequence numbers, from 1."""
        return await self._database.read(partial(_evidence_page, owner=owner, part=part))

    async def questions(self, owner: OwnerFilter, part: PageRequest) -> Page[QuestionRead]:
        """Return a tenure's questions, by id."""
        return await self._database.read(partial(_questions, owner=owner, part=part))

    async def verify(self, msisdn: str, tenure: int | None = None) -> Verification:
        """Verify a tenure's chain and the signature of its head."""
        return await self._database.read(partial(_verify, heads=self._sealer.heads, msisdn=msisdn, tenure=tenure))


def with_password(change: SetSubscriber, msisdn: str, password: str | None) -> SetSubscriber:
    """Return the change with the hash of a first password, if there is one, which takes some tens of milliseconds.

    Raise RefusedError for a password that is easy to guess.
    """
    if not password:
        return change
    if is_easy(password, msisdn):
        raise RefusedError(RefusalReason.INVALID, _EASY)
    return replace(change, password_hash=hash_password(password))


def _check_webhook(url: str | None, secret: str | None, *, private: bool) -> None:
    if (url is None) != (secret is None):
        raise RefusedError(
            RefusalReason.INVALID, "webhook_url and webhook_secret: give both or neither; every event is signed."
        )
    violation = address_violation(url, private=private) if url is not None else None
    if violation:
        raise RefusedError(RefusalReason.INVALID, f"webhook_url {violation}.")
    if secret is not None and (violation := signing_violation(secret)):
        raise RefusedError(RefusalReason.INVALID, f"webhook_secret {violation}.")


def _preferences(connection: Connection, *, subscriber: Subscriber) -> Preferences:
    found = records.of_number(connection, Preferences, subscriber.msisdn, subscriber.tenure)
    chosen = next((item.record for item in found if isinstance(item.record, Preferences)), None)
    return chosen or Preferences(PREFERENCES, subscriber.created_at)


def _raise_if(field: str, violation: str | None) -> None:
    if violation:
        raise RefusedError(RefusalReason.INVALID, f"{field} {violation}.")


def _put_service_provider(
    connection: Connection, *, provider: ServiceProvider, sealed_webhook_secret: str | None
) -> bool:
    lock_catalogue(connection)
    catalogue = load_catalogue(connection)
    before = catalogue.providers.get(provider.sp_code)
    becomes_own = before is not None and provider.own and not before.own
    service_codes = [
        service.service_code for service in catalogue.services.values() if service.sp_code == provider.sp_code
    ]
    if becomes_own and any(is_held(connection, code) for code in service_codes):
        raise RefusedError(
            RefusalReason.SERVICE_HELD,
            "own: customers who have a service of this SP agreed to the SP's; offer ours under an sp_code of ours.",
        )
    rows.put_service_provider(connection, provider, sealed_webhook_secret)
    return before is None


def _put_service(
    connection: Connection, *, service: Service, registry: Registry, expected: Collection[str] | None
) -> Put:
    lock_catalogue(connection)
    catalogue = load_catalogue(connection)
    before = catalogue.services.get(service.service_code)
    if not fits(expected, service_version(before) if before else None):
        raise RefusedError(RefusalReason.CHANGED_MEANWHILE)
    if service.sp_code not in catalogue.providers:
        raise RefusedError(RefusalReason.INVALID_SP_CODE)
    keyword_owner = catalogue.by_keyword.get(service.order_keyword or "")
    if keyword_owner is not None and keyword_owner.service_code != service.service_code:
        raise RefusedError(RefusalReason.NAME_TAKEN, "order_keyword is another service's.")
    confusable = confusable_service(registry, service, catalogue.services.values())
    if confusable is not None:
        raise RefusedError(
            RefusalReason.NAME_TAKEN,
            f"name and order_keyword: one would be mistaken for those of {confusable.service_code}.",
        )
    changed = before is not None and (before.sp_code, before.billing) != (service.sp_code, service.billing)
    if changed and is_held(connection, service.service_code):
        raise RefusedError(
            RefusalReason.SERVICE_HELD,
            "sp_code and billing of a service that somebody has cannot change; make a new service.",
        )
    after = service.replacing(before, catalogue.version, current_state(connection).now)
    if before != after:
        rows.put_service(connection, after)
    return Put(after, is_new=before is None)


def _tenure(connection: Connection, *, msisdn: str, tenure: int | None) -> Subscriber:
    found = reading.tenure_of(connection, msisdn, _tenure_number(connection, msisdn, tenure))
    if found is None:
        raise RefusedError(RefusalReason.UNKNOWN_SUBSCRIBER)
    return found


def _tenure_number(connection: Connection, msisdn: str, tenure: int | None) -> int:
    tenures = reading.tenures_held(connection, msisdn)
    if not tenures:
        raise RefusedError(RefusalReason.UNKNOWN_SUBSCRIBER)
    if tenure is not None and tenure not in tenures:
        raise RefusedError(RefusalReason.UNKNOWN, "There is no such tenure of this number.")
    return tenures[0] if tenure is None else tenure


def _subscriptions(connection: Connection, *, msisdn: str, tenure: int | None) -> list[Subscription]:
    number = _tenure_number(connection, msisdn, tenure)
    return reading.subscriptions_of(connection, msisdn, number)


def _evidence_page(connection: Connection, *, owner: OwnerFilter, part: PageRequest) -> Page[EvidenceRecord]:
    number = _tenure_number(connection, owner.msisdn, owner.tenure)
    records = evidence.page_of_chain(connection, owner.msisdn, number, part.one_more())
    return Page.of(records, part.limit, lambda record: str(record.seq))


def _questions(connection: Connection, *, owner: OwnerFilter, part: PageRequest) -> Page[QuestionRead]:
    number = _tenure_number(connection, owner.msisdn, owner.tenure)
    found = questions.questions_of(connection, owner.msisdn, number, part.one_more())
    return Page.of(found, part.limit, lambda item: item.id)


def _verify(connection: Connection, *, heads: HeadKeys, msisdn: str, tenure: int | None) -> Verification:
    number = _tenure_number(connection, msisdn, tenure)
    return verify_chain(connection, heads, msisdn, number)
