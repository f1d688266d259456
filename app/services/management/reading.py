"""Reads back what was written: the catalogue, subscribers, their consent to marketing and an announced suspension."""

from functools import partial
from typing import TypeVar

from sqlalchemy import Connection

from app.db import directory, records, subscriber_lists
from app.db.catalogue import load_catalogue
from app.db.session import Database
from app.db.subscriber_lists import SubscriberFilter
from app.domain.account import Subscriber
from app.domain.catalogue import Billing, Catalogue, Service, ServiceProvider
from app.domain.consents import MarketingConsent
from app.domain.records import Record
from app.domain.refusals import RefusalReason
from app.domain.suspension import Suspension
from app.domain.values import value
from app.services.management.owners import OwnerFilter
from app.services.paging import Page, PageRequest, page_of_rows
from app.services.refusals import RefusedError
from app.services.sealing import Sealer

__all__ = ["Reading", "ServiceFilter", "SubscriberFilter"]

_R = TypeVar("_R", bound=Record)


@value
class ServiceFilter:
    """Which services a list contains; None: any."""

    sp_code: str | None = None
    billing: Billing | None = None
    on_offer: bool | None = None
    visible: bool | None = None

    def has(self, service: Service) -> bool:
        """Return True if the list contains the service."""
        names = ("sp_code", "billing", "on_offer", "visible")
        return all(getattr(self, name) in (None, getattr(service, name)) for name in names)


class Reading:
    """Reads the catalogue and subscribers."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        """``sealer`` hides numbers in cursors, as they stand in addresses."""
        self._database = database
        self._sealer = sealer

    # ---- the catalogue

    async def catalogue(self) -> Catalogue:
        """Return all SPs and services as they are offered now."""
        return await self._database.read(load_catalogue)

    async def service_providers(self, part: PageRequest, *, own: bool | None = None) -> Page[ServiceProvider]:
        """Return SPs, by code; ``own``: only the operator's own, or only others."""
        rows = [one for one in (await self.catalogue()).providers.values() if own in (None, one.own)]
        return page_of_rows(rows, part, lambda one: one.sp_code)

    async def service_provider(self, sp_code: str) -> ServiceProvider:
        """Return an SP. Raise RefusedError if there is none with this code."""
        found = (await self.catalogue()).providers.get(sp_code)
        if found is None:
            raise RefusedError(RefusalReason.UNKNOWN_SP)
        return found

    async def services(self, wanted: ServiceFilter, part: PageRequest) -> Page[Service]:
        """Return services, by code."""
        rows = filter(wanted.has, (await self.catalogue()).services.values())
        return page_of_rows(rows, part, lambda one: one.service_code)

    async def service(self, service_code: str) -> Service:
        """Return a service. Raise RefusedError if there is none with this code."""
        found = (await self.catalogue()).services.get(service_code)
        if found is None:
            raise RefusedError(RefusalReason.UNKNOWN_SERVICE)
        return found

    # ---- subscribers

    async def subscribers(self, wanted: SubscriberFilter, part: PageRequest) -> Page[Subscriber]:
        """Return subscribers in a fixed order. Raise ValueError for a cursor that is none of this list."""
        behind = self._opened(part.after) if part.after else None
        found = await self._database.read(
            partial(subscriber_lists.page, wanted=wanted, part=part.one_more(), behind=behind)
        )
        return Page.of(found, part.limit, lambda one: self._sealer.seal(f"{one.msisdn} {one.tenure}"))

    def _opened(self, cursor: str) -> tuple[str, int]:
        msisdn, _, tenure = (self._sealer.open(cursor) or "").partition(" ")
        return msisdn, int(tenure)

    async def consent(self, owner: OwnerFilter) -> MarketingConsent:
        """Return a tenure's consent to marketing, withdrawn or not. Raise RefusedError if it never gave one."""
        found = await self._database.read(partial(_newest, kind=MarketingConsent, owner=owner))
        if found is None:
            raise RefusedError(RefusalReason.UNKNOWN, "The customer never consented to marketing.")
        return found

    async def suspension(self, owner: OwnerFilter) -> Suspension:
        """Return the latest suspension that was announced for a tenure. Raise RefusedError if there was none."""
        found = await self._database.read(partial(_newest, kind=Suspension, owner=owner))
        if found is None:
            raise RefusedError(RefusalReason.UNKNOWN, "No stop was announced for this number.")
        return found


def _newest(connection: Connection, *, kind: type[_R], owner: OwnerFilter) -> _R | None:
    tenures = directory.tenures_held(connection, owner.msisdn)
    if not tenures:
        raise RefusedError(RefusalReason.UNKNOWN_SUBSCRIBER)
    found = records.of_number(connection, kind, owner.msisdn, owner.tenure or tenures[0])
    mine = [item.record for item in found if isinstance(item.record, kind)]
    return max(mine, key=lambda record: (record.is_open, record.made_at), default=None)
