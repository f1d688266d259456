"""Fees in transcripts: billing announces one, staff decide one, and what is true of them afterwards."""

from dataclasses import replace

from app.commands.charges.announcing import AnnounceCharge, RecordUse
from app.domain.account import Channel
from app.domain.catalogue import Catalogue, Service
from app.domain.charges import Charge, ChargeKind
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
    """Billing's call; due in Shanghai."""
    conversation.happens(AnnounceCharge("api:billing", charge_id, service_code, kind, fen, shanghai(due), period))
    return conversation.answered


def use(conversation: Conversation, use_id: str, service_code: str, channel: Channel, at: str | None = None) -> Outcome:
    """A use that is reported, now unless said otherwise."""
    moment = shanghai(at) if at else conversation.now
    conversation.happens(RecordUse("api:billing", use_id, service_code, channel, moment))
    return conversation.answered


def offer(conversation: Conversation, service_code: str, fen: int) -> None:
    """The price of a service changes now."""
    change(conversation, replace(conversation.catalogue.services[service_code], price_fen=fen))


def change(conversation: Conversation, service: Service) -> None:
    """A service is put in the place of what it was."""
    known = conversation.catalogue
    after = service.in_place_of(known.services[service.service_code], known.version, conversation.now)
    services = {**known.services, service.service_code: after}
    conversation.catalogue = Catalogue.of(known.version + 1, list(known.providers.values()), list(services.values()))


def charge_of(conversation: Conversation, charge_id: str) -> Charge:
    """A charge as it is now."""
    found = conversation.account.records[Charge][charge_id]
    assert isinstance(found, Charge)
    return found


def code(conversation: Conversation, charge_id: str) -> str:
    """Its code."""
    given = charge_of(conversation, charge_id).code
    assert given is not None
    return given


def states(conversation: Conversation) -> dict[str, str]:
    """Every charge's state."""
    return {id_: str(charge_of(conversation, id_).state) for id_ in conversation.account.records[Charge]}
