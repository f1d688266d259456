"""Find the charges that a complaint names, by code, billing's id or service name (safety.md 14)."""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from app.commands.parser import normalise
from app.domain.catalogue import Catalogue
from app.domain.charges import Charge, ChargeState
from app.domain.turn import Turn

# A service name means its newest charge, if that is open or was settled within this time.
_RECENT = timedelta(days=62)
_SHORTEST_ID = 3
_GIVEN_UP = frozenset({ChargeState.WAIVED, ChargeState.CANCELLED})


def charges_named(turn: Turn, text: str) -> tuple[Charge, ...]:
    """Return the charges that a text names, newest first; free ones and those given up are left out."""
    said = normalise(text)
    candidates = [
        charge for charge in turn.account.records_of(Charge) if charge.state not in _GIVEN_UP and charge.amount_fen > 0
    ]
    named = {
        charge.id: charge
        for charge in candidates
        if _contains(said.words, charge.code) or _contains_id(said.words, charge.id)
    }
    named_services = {charge.service_code for charge in named.values()}
    for code in _services_in(turn.catalogue, {charge.service_code for charge in candidates}, said.key):
        newest = max((charge for charge in candidates if charge.service_code == code), key=lambda charge: charge.due_at)
        if code not in named_services and _is_recent(newest, turn.at):
            named[newest.id] = newest
    return tuple(sorted(named.values(), key=lambda charge: (charge.due_at, charge.id), reverse=True))


def _contains(words: str, word: str | None) -> bool:
    """Return True if ``word`` occurs in a text, not as a part of a longer word or number."""
    return word is not None and re.search(rf"(?<![0-9A-Z]){re.escape(word)}(?![0-9A-Z])", words) is not None


def _contains_id(words: str, charge_id: str) -> bool:
    return len(charge_id) >= _SHORTEST_ID and _contains(words, charge_id.upper())


def _services_in(catalogue: Catalogue, codes: Iterable[str], key: str) -> Iterator[str]:
    """Yield the codes of services named in a normalised text, longest name first; part of a longer name is no match."""
    names = {code: normalise(catalogue.services[code].name).key for code in codes}
    for code in sorted(names, key=lambda code: len(names[code]), reverse=True):
        if names[code] and names[code] in key:
            key = key.replace(names[code], "\n")
            yield code


def _is_recent(charge: Charge, at: datetime) -> bool:
    return charge.is_open or (charge.settled_at is not None and at - charge.settled_at <= _RECENT)
