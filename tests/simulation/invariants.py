"""What must be true when a life is over, whatever happened in it: each function checks one promise.

They judge from outside: by what the carriers and receivers have in their books, and by the rows that staff can read.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from itertools import pairwise, permutations
from typing import TYPE_CHECKING

from app.db.types import to_micros
from app.domain.charges import ChargeState
from app.domain.ids import WORKERS
from app.domain.messages import OutboundStatus, status_after_report
from tests.simulation.books import Books

if TYPE_CHECKING:
    from tests.simulation.carrier import Said, Taken
    from tests.simulation.life import Life

_A_DAY = timedelta(days=1)
# In which a fee can be doubted, in microseconds; a clock may have been set back in it.
_WINDOW = 59 * 60 * 1_000_000
# Returns what is wrong, a sentence for each breach.
Invariant = Callable[["Life", Books], Iterable[str]]
# How the verdicts of MOs begin that have no reply, by a limit (flows.md 3; safety.md 22, 25).
_SILENT = "silent: "
_TAKEN = {"accepted", "delivered", "undelivered", "rejected", "expired", "deleted"}
_CONFIRMED = {"order-confirmed", "trial-confirmed", "keep-confirmed", "terms-confirmed"}


def stored_once(life: "Life", books: Books) -> Iterable[str]:
    """A 2xx means stored, once, however often a message is brought (delivery.md 1, 2)."""
    rows = Counter(row["provider_message_id"] for row in books.inbound)
    for said in _all_said(life):
        if rows[said.message_id] != 1:
            yield f"MO {said.message_id} of {said.msisdn} was acknowledged, and is stored {rows[said.message_id]} times"


def answered(life: "Life", books: Books) -> Iterable[str]:
    """Every acknowledged MO is answered, or a dead letter (delivery.md 4, 5)."""
    replied = {row["in_reply_to"] for row in books.outbound}
    rows = {row["id"]: row for row in books.inbound}
    for said in _all_said(life):
        row = rows.get(said.gateway_id)
        what = f"MO {said.gateway_id}, {said.text!r} of {said.msisdn},"
        if row is None:
            yield f"{what} is gone"
        elif row["status"] not in ("handled", "dead"):
            yield f"{what} is still {row['status']}"
        elif said.gateway_id not in replied and not row["verdict"].startswith(_SILENT) and row["status"] != "dead":
            yield f"{what} has no reply and is no dead letter; its verdict is {row['verdict']!r}"


def one_effect(_life: "Life", books: Books) -> Iterable[str]:
    """An MO has its effects once: no reply is made twice, and nothing is done twice (delivery.md 2, 4)."""
    replies = Counter((row["in_reply_to"], row["text"]) for row in books.outbound if row["in_reply_to"])
    for (message_id, text), times in replies.items():
        if times > 1:
            yield f"MO {message_id} has {times} times the reply {text[:24]!r}"
    for customer in books.customers:
        done = Counter((one.kind, one.subject) for one in customer.evidence if one.kind in _ONCE)
        for (kind, subject), times in done.items():
            if times > 1:
                yield f"{kind} of {subject} of {customer.msisdn} happened {times} times"


_ONCE = {"order-confirmed", "fee-charged", "fee-waived", "unsubscribe-sms", "refund", "ticket-opened"}


def handled_in_order(life: "Life", books: Books) -> Iterable[str]:
    """MOs of a subscriber are handled in the order in which they were stored (delivery.md 3).

    While a clock that was set back catches up, that holds for those that came to the same process.
    """
    first_reply: dict[str, int] = {}
    for row in books.outbound:
        if row["in_reply_to"]:
            first_reply.setdefault(row["in_reply_to"], int(row["id"]))
    # Those that were kept for a minute, or tried again, may come later.
    prompt = {row["id"] for row in books.inbound if row["due_at"] <= row["stored_at"] and row["id"] in first_reply}
    for one, other in permutations((said for said in _all_said(life) if said.gateway_id in prompt), 2):
        in_order = first_reply[one.gateway_id] < first_reply[other.gateway_id]
        if life.trace.counts["clocks set back"] and int(one.gateway_id) % WORKERS != int(other.gateway_id) % WORKERS:
            continue
        if one.msisdn == other.msisdn and one.acknowledged_at < other.brought_at and not in_order:
            yield f"MO {other.gateway_id} of {one.msisdn} was handled before {one.gateway_id}, which came before it"


def taken_in_order(life: "Life", _books: Books) -> Iterable[str]:
    """MTs of a subscriber and lane are handed over in the order in which they were made (delivery.md 9).

    A clock that is set may end the lease of a message while it is being sent, and let the next one go.
    """
    if life.trace.counts["clock jumps"]:
        return
    for carrier in life.carriers.values():
        lines: dict[tuple[str, str], list[Taken]] = defaultdict(list)
        for taken in carrier.taken:
            lines[taken.msisdn, taken.lane].append(taken)
        for line in lines.values():
            firsts = list({taken.reference: taken for taken in line}.values()) if not carrier.recognises else line
            for one, other in pairwise(firsts):
                if int(one.reference) > int(other.reference):
                    yield f"{carrier.name} got MT {one.reference} of {one.msisdn} before {other.reference}"


def never_blindly_twice(life: "Life", books: Books) -> Iterable[str]:
    """A message is sent again only where its carrier knows it again, or its settings want that (delivery.md 8)."""
    attempts = {row["id"]: row["attempts"] for row in books.outbound}
    for row in books.attempts:  # a late answer to an earlier attempt may have been the one that counted
        attempts[row["message_id"]] = max(attempts[row["message_id"]], row["number"])
    takes = Counter((taken.reference, carrier.name) for carrier in life.carriers.values() for taken in carrier.taken)
    where: dict[str, set[str]] = defaultdict(set)
    for (reference, name), times in takes.items():
        where[reference].add(name)
        if times > attempts.get(reference, 1):
            yield f"{name} got MT {reference} {times} times in {attempts[reference]} attempts"
        if times > 1 and name != "bold":
            yield f"{name} got MT {reference} {times} times"
    for reference, names in where.items():
        if len(names) > 1 and "bold" not in names:
            yield f"MT {reference} reached the handset through {' and '.join(sorted(names))}"


def fates_are_true(life: "Life", books: Books) -> Iterable[str]:
    """Every MT comes to an end, and what is said of it is what its carrier knows (delivery.md 7, 8)."""
    yield from (f"MT {row['id']} is still in the outbox" for row in books.outbox)
    by_their_id = {taken.theirs: taken for carrier in life.carriers.values() for taken in carrier.taken}
    for row in books.outbound:
        theirs = row["provider_message_id"]
        if row["status"] in ("queued", "sending"):
            yield f"MT {row['id']} is still {row['status']}"
        elif row["status"] == "unknown" and row["unknown_until"] is not None:
            yield f"MT {row['id']} is unknown, and staff were not asked to look into it"
        elif row["status"] in _TAKEN and theirs is not None:
            taken = by_their_id.get(theirs)
            if taken is None or taken.reference != row["id"]:
                yield f"MT {row['id']} is {row['status']} as {theirs}, which its carrier does not know"


def reports_only_raise(life: "Life", books: Books) -> Iterable[str]:
    """Reports in any order end in the status that counts most (delivery.md 12)."""
    reported = {theirs: found for carrier in life.carriers.values() for theirs, found in carrier.reported.items()}
    for row in books.outbound:
        if row["provider_message_id"] is None:
            continue
        expected = OutboundStatus.ACCEPTED
        for status in reported.get(row["provider_message_id"], ()):
            expected = status_after_report(expected, status)
        if row["status"] != expected:
            yield f"MT {row['id']} is {row['status']}, and its reports say {expected}"


def chains_verify(_life: "Life", books: Books) -> Iterable[str]:
    """The chain of evidence of every customer is whole (safety.md 27, 35)."""
    yield from (f"the chain of {one.msisdn} does not verify" for one in books.customers if not one.is_whole)


def no_subscription_without_yes(life: "Life", books: Books) -> Iterable[str]:
    """What began to run has evidence of a yes that she sent to a question that arrived (safety.md 5, 6)."""
    said, heard = _by_number(life)
    for customer in books.customers:
        imported = {one.subject for one in customer.evidence if one.kind == "import"}
        for held in customer.subscriptions:
            if held.id in imported:
                continue
            yes = customer.evidence_of("order-confirmed", held.id)
            what = f"{held.service_code} of {customer.msisdn}"
            if not yes:
                yield f"{what} runs without evidence of a yes"
            elif yes[0]["answer"] not in said[customer.msisdn]:
                yield f"{what} runs by {yes[0]['answer']!r}, which she never sent"
            elif yes[0]["asked"] not in heard[customer.msisdn]:
                yield f"{what} runs by a question that never arrived"


def no_fee_without_reminder(life: "Life", books: Books) -> Iterable[str]:
    """A fee is taken once, with evidence, after a reminder that arrived and its window (safety.md 12)."""
    arrived: dict[str, list[Taken]] = defaultdict(list)
    for carrier in life.carriers.values():
        for taken in carrier.taken:
            arrived[taken.msisdn].append(taken)
    for customer in books.customers:
        for charge in customer.charges:
            if charge.state is not ChargeState.CHARGED or not charge.amount_fen:
                continue
            what = f"fee {charge.id} of {customer.msisdn}"
            if len(customer.evidence_of("fee-charged", charge.id)) != 1:
                yield f"{what} was taken without evidence of that"
            reminders = [one for one in arrived[customer.msisdn] if charge.code and charge.code in one.text]
            settled_at = to_micros(charge.settled_at or life.now)
            if not reminders:
                yield f"{what} was taken without a reminder that arrived"
            elif not any(one.at + _WINDOW <= settled_at for one in reminders):
                yield f"{what} was taken before the window of its reminder was over"


def fees_come_to_an_end(life: "Life", books: Books) -> Iterable[str]:
    """No fee stays open for ever: it is taken, or waived, or somebody looks into it (safety.md 10-14)."""
    for customer in books.customers:
        for charge in customer.charges:
            if charge.state in (ChargeState.ANNOUNCED, ChargeState.REMINDED) and charge.due_at < life.now - _A_DAY:
                yield f"fee {charge.id} of {customer.msisdn} is {charge.state} since {charge.due_at:%m-%d %H:%M}"


_EVENTS = {
    "order-confirmed": "subscription.ordered", "unsubscribe": "subscription.unsubscribed",
    "fee-charged": "charge.charged", "fee-waived": "charge.waived", "fee-cancelled": "charge.cancelled",
}  # fmt: skip


def others_are_told(life: "Life", books: Books) -> Iterable[str]:
    """Every change has its event, which arrives at least once, in order for each receiver and subscriber (safety.md 15)."""
    got = {name: [one.event_id for one in receiver.got] for name, receiver in life.receivers.items()}
    for row in books.events:
        if row["status"] != "acknowledged" or row["id"] not in got[row["receiver"]]:
            yield f"event {row['id']} {row['type']} for {row['receiver']} is {row['status']}, and may not have arrived"
    for name, receiver in life.receivers.items():
        firsts = {one.event_id: one.msisdn for one in receiver.got}
        for msisdn in life.handsets:
            own = [int(event_id) for event_id, whose in firsts.items() if whose == msisdn]
            if own != sorted(own):
                yield f"{name} got the events about {msisdn} in another order than they happened"
    told = Counter((one.type, one.subject) for receiver in life.receivers.values() for one in set(receiver.got))
    for customer in books.customers:
        for one in customer.evidence:
            event = _EVENTS.get(one.kind)
            if event is not None and not told[event, one.subject]:
                yield f"{one.kind} of {one.subject} of {customer.msisdn} was told to nobody"


_NOT_ACKNOWLEDGED = "money or a stop is not acknowledged"
# What the log says of the failures of the database that the simulation throws.
_DATABASE_AWAY = "'kind': 'database_away'"


def nothing_failed(life: "Life", _books: Books) -> Iterable[str]:
    """No step raised but for what the simulation threw (safety.md 32)."""
    for error in life.log.errors:
        # By a clock that was set forward, three days may be over in which a receiver had no time to answer.
        is_overdue = life.trace.counts["clock jumps"] and _NOT_ACKNOWLEDGED in error
        if not is_overdue and _DATABASE_AWAY not in error:
            yield error


INVARIANTS: Sequence[Invariant] = (
    nothing_failed, stored_once, answered, one_effect, handled_in_order, taken_in_order, never_blindly_twice,
    fates_are_true, reports_only_raise, chains_verify, no_subscription_without_yes, no_fee_without_reminder,
    fees_come_to_an_end, others_are_told,
)  # fmt: skip


def breaches(life: "Life", books: Books) -> list[str]:
    """Return what is wrong, each with the name of its invariant."""
    return [f"{check.__name__}: {found}" for check in INVARIANTS for found in check(life, books)]


def _all_said(life: "Life") -> Iterable["Said"]:
    for carrier in life.carriers.values():
        yield from carrier.said


def _by_number(life: "Life") -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """Return the texts that each number sent, and those that arrived there."""
    said: dict[str, set[str]] = defaultdict(set)
    heard: dict[str, set[str]] = defaultdict(set)
    for one in _all_said(life):
        said[one.msisdn].add(one.text)
    for carrier in life.carriers.values():
        for taken in carrier.taken:
            heard[taken.msisdn].add(taken.text)
    return said, heard
