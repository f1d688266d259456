"""Which fees a complaint is about: those that it names by code, by billing's id or by their service (safety.md 14)."""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from app.commands.parser import normalise
from app.domain.catalogue import Catalogue
from app.domain.charges import Charge, ChargeKind, ChargeState
from app.domain.months import first_moment
from app.domain.texts import fees, listing, tickets, wording
from app.domain.turn import Turn

# A service named without more means its newest fee, if that was taken this month or the month before.
_LATELY = timedelta(days=62)
_SHORTEST_ID = 3
_GIVEN_UP = frozenset({ChargeState.WAIVED, ChargeState.CANCELLED})


def charges_named(turn: Turn, text: str) -> tuple[Charge, ...]:
    """The fees that a text speaks of, the newest first; none that was given up already."""
    said = normalise(text)
    open_to = [fee for fee in turn.account.records_of(Charge) if fee.state not in _GIVEN_UP and fee.amount_fen > 0]
    named = {fee.id: fee for fee in open_to if _stands_in(fee.code, said.words) or _id_stands_in(fee.id, said.words)}
    spoken_of = {fee.service_code for fee in named.values()}
    for code in _services_in(turn.catalogue, {fee.service_code for fee in open_to}, said.key):
        newest = max((fee for fee in open_to if fee.service_code == code), key=lambda fee: fee.due_at)
        if code not in spoken_of and _is_recent(newest, turn.at):
            named[newest.id] = newest
    return tuple(sorted(named.values(), key=lambda fee: (fee.due_at, fee.id), reverse=True))


def _stands_in(word: str | None, words: str) -> bool:
    return word is not None and re.search(rf"(?<![0-9A-Z]){re.escape(word)}(?![0-9A-Z])", words) is not None


def _id_stands_in(charge_id: str, words: str) -> bool:
    return len(charge_id) >= _SHORTEST_ID and _stands_in(charge_id.upper(), words)


def _services_in(catalogue: Catalogue, codes: Iterable[str], key: str) -> Iterator[str]:
    """The services whose names stand in a text; a name that is part of a longer one there is not meant."""
    names = {code: normalise(catalogue.services[code].name).key for code in codes}
    for code in sorted(names, key=lambda code: len(names[code]), reverse=True):
        if names[code] and names[code] in key:
            key = key.replace(names[code], "\n")
            yield code


def _is_recent(fee: Charge, at: datetime) -> bool:
    return fee.is_open or (fee.settled_at is not None and at - fee.settled_at <= _LATELY)


def name_of(turn: Turn, fee: Charge) -> str:
    """What a fee is for, as customers are shown it."""
    service = turn.catalogue.services[fee.service_code]
    held = turn.account.subscriptions.get(fee.subscription_id or "")
    provider = turn.catalogue.providers[held.terms.sp_code if held else service.sp_code]
    return listing.label(service.name, None if provider.own else provider.short_name)


def month_of_charge(turn: Turn, fee: Charge) -> str | None:
    """The month that a monthly fee is for, in her language."""
    if fee.kind is not ChargeKind.MONTHLY:
        return None
    return wording.month_seen_from(turn.account.language, first_moment(fee.period), turn.now)


def named_with_month(turn: Turn, fee: Charge) -> str:
    """What a fee is for, so that of several fees of a service each is another one."""
    return fees.of_month(turn.account.language, name_of(turn, fee), month_of_charge(turn, fee))


def name_and_amount(turn: Turn, fee: Charge) -> str:
    """A fee in a few words, where a point would be taken for that of an item: what it is for and what it costs."""
    return tickets.fee(turn.account.language, named_with_month(turn, fee), fee.amount_fen)


def what(turn: Turn, fee: Charge) -> str:
    """A fee in a few words."""
    return fees.what(turn.account.language, named_with_month(turn, fee), fee.amount_fen)
