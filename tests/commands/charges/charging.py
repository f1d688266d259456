"""Helpers for transcripts with charges: announce one, report a use, change a price, look at the result."""

from dataclasses import replace

from app.commands.charges.announcing import AnnounceCharge, RecordUse
from app.domain.catalogue import Catalogue, Service
from app.domain.charges import Charge, ChargeKind
from app.domain.subscriptions import Channel
from app.domain.turn import Outcome
from tests.commands.transcript import Conversation
from tests.commands.world import shanghai


def announce(
    conversation: Conversation,
    charge_id: str,
    service_code: str,
    fen: int,
    due: str,
    *,
    kind: ChargeKind = ChargeKind.MONTHLY,
    period: str | None = None,
) -> Outcome:
    """Announce a charge as billing does; ``due`` is a time in Shanghai."""
    conversation.happens(AnnounceCharge("api:billing", charge_id, service_code, kind, fen, shanghai(due), period))
    return conversation.answered


def use(conversation: Conversation, use_id: str, service_code: str, channel: Channel, at: str | None = None) -> Outcome:
    """Report a use at a time in Shanghai, by default now."""
    moment = shanghai(at) if at else conversation.now
    conversation.happens(RecordUse("api:billing", use_id, service_code, channel, moment))
    return conversation.answered


def offer(conversation: Conversation, service_code: str, fen: int) -> None:
    """Change the price of a service (fen) from now on."""
    change(conversation, replace(conversation.catalogue.services[service_code], price_fen=fen))


def change(conversation: Conversation, service: Service) -> None:
    """Replace a service in the catalogue."""
    catalogue = conversation.catalogue
    after = service.replacing(catalogue.services[service.service_code], catalogue.version, conversation.now)
    services = {**catalogue.services, service.service_code: after}
    conversation.catalogue = Catalogue.of(
        catalogue.version + 1, list(catalogue.providers.values()), list(services.values())
    )


def charge_of(conversation: Conversation, charge_id: str) -> Charge:
    """Return the present state of a charge."""
    charge = conversation.account.records[Charge][charge_id]
    assert isinstance(charge, Charge)
    return charge


def code(conversation: Conversation, charge_id: str) -> str:
    """Return the code of a charge, which must have one."""
    charge_code = charge_of(conversation, charge_id).code
    assert charge_code is not None
    return charge_code


def states(conversation: Conversation) -> dict[str, str]:
    """Return the state of every charge, by id."""
    return {id_: str(charge_of(conversation, id_).state) for id_ in conversation.account.records[Charge]}
