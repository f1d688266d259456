"""A carrier over sessions, and how what it saw is compared with what the gateways stored."""

import random
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from pathlib import Path

from app.db.session import Database
from app.domain.masking import masked
from app.toys.submits import V2, V3
from tests.crash import judging
from tests.crash.carrier import Arrival
from tests.crash.judging import Found, Outside, Row
from tests.crash.lines.ismg import KeepingIsmg
from tests.crash.lines.keeping import AnyKeeping
from tests.crash.lines.line import SETTLED_WITHIN_SECONDS, SHARE_REPORTED
from tests.crash.lines.smsc import KeepingSmsc
from tests.crash.process import Process

# Of our answers a carrier loses some, with their sessions. A segment without an answer keeps its place in the window for a
# minute.
_SHARE_LOST, _WINDOW = 0.03, 64


# By what they speak.
KEEPING: Mapping[str, Callable[[], AnyKeeping]] = {
    "smpp": KeepingSmsc,
    "cmpp2": partial(KeepingIsmg, V2),
    "cmpp3": partial(KeepingIsmg, V3),
}


class Customers:
    """Customers of a carrier. ``outside`` is what they know: what the gateway answered, in the order of sending."""

    def __init__(self, theirs: AnyKeeping) -> None:
        self._theirs = theirs
        self._said: dict[str, tuple[str, str]] = {}
        self.outside = Outside()

    def write(self, number: str, message_id: str, text: str) -> Future[None]:
        """Have a customer write; the future is done when the gateway has answered.

        ``message_id`` is for the judgement, as SMPP has none, and the ids of CMPP are the ISMG's.
        """
        self._said[message_id] = (number, masked(text))
        return self._theirs.bring(number, text, lambda: self.outside.accepted.update({message_id: number}))

    def read(self, database: Database, on_unknown: str) -> Found:
        """Read the messages of the database, when nothing is on its way any more."""
        reported = self._theirs.call(lambda: set(self._theirs.reported))
        found = judging.read(database, self.outside, on_unknown, ())
        ids = {row["id"]: found.theirs.get(row["id"], [row["provider_message_id"]]) for row in found.outbound}
        self.outside.delivered = {message_id for message_id, theirs in ids.items() if reported.issuperset(theirs)}
        arrivals = _arrivals(self._theirs, found)
        return replace(found, inbound=self._named(found.inbound), arrivals=arrivals, by_segment=True)

    def _named(self, rows: Sequence[Row]) -> Sequence[Row]:
        """Return rows under the ids that were made for them here: the first of two equal texts first."""
        ids: dict[tuple[str, str], deque[str]] = defaultdict(deque)
        for message_id, said in self._said.items():
            ids[said].append(message_id)
        return [
            {**row, "provider_message_id": same.popleft() if same else f"one more of {row['msisdn']}: {row['text']}"}
            for row in rows
            for same in (ids[row["msisdn"], row["text"]],)
        ]


def _arrivals(theirs: AnyKeeping, found: Found) -> list[Arrival]:
    """Return segments under the references of their messages, which all segments of an attempt have in common.

    A message is known by its recipient, its text, and what the carrier's protocol says of it besides.
    """
    questions = {row["id"]: row["provider_message_id"] for row in found.inbound}
    known: dict[tuple[object, ...], set[str]] = defaultdict(set)
    for row in found.outbound:
        for part, (mark, octets) in enumerate(theirs.segments_of(row, questions), 1):
            known[row["msisdn"], mark, part, octets].add(row["id"])
    submitted = theirs.call(lambda: list(theirs.submitted))
    # By their marks, of which those of a later attempt may be the same: then no message fits the segments of both.
    attempts: dict[tuple[object, ...], set[str]] = {}
    of_segment: list[set[str]] = []
    for one in submitted:
        fitting = known[one.key]
        attempt = attempts.get(one.attempt)
        if attempt is None or not attempt & fitting:
            attempt = attempts[one.attempt] = set(fitting)
        attempt &= fitting
        of_segment.append(attempt)
    chosen = _chosen(of_segment)
    return [
        Arrival(
            chosen.get(id(fits), f"nobody's, to {one.segment.number}"), one.segment.number, one.at, one.answer, one.part
        )
        for one, fits in zip(submitted, of_segment, strict=True)
    ]


def _chosen(attempts: Sequence[set[str]]) -> Mapping[int, str]:
    """Return the message of each attempt, by the identity of the set of those that fit.

    Equal texts to the same number look alike in CMPP 2.0: the first attempt is that of the first one, and so on.
    """
    chosen: dict[int, str] = {}
    for fits in attempts:
        if fits and id(fits) not in chosen:
            taken = set(chosen.values())
            in_order = sorted(fits, key=int)
            chosen[id(fits)] = next((one for one in in_order if one not in taken), in_order[0])
    return chosen


class SessionLine:
    """A carrier to which the gateways bind."""

    def __init__(self, theirs: AnyKeeping) -> None:
        self._theirs = theirs
        self._customers = Customers(theirs)
        self.outside = self._customers.outside
        self.objections = theirs.objections

    def settings(self, folder: Path, on_unknown: str) -> Mapping[str, str]:
        return self._theirs.settings(folder, on_unknown=on_unknown, window=_WINDOW)

    def begin(self, fronts: Sequence[Process]) -> None:
        self._theirs.share_reported, self._theirs.share_lost = SHARE_REPORTED, _SHARE_LOST

    def write(self, number: str, message_id: str, text: str, choose: random.Random) -> None:
        self._customers.write(number, message_id, text).result(SETTLED_WITHIN_SECONDS)

    def cut(self) -> None:
        self._theirs.cut_some()

    def lose_nothing_more(self) -> None:
        self._theirs.share_lost = 0

    def calm_down(self) -> None:
        self._theirs.share_reported = 0
        self._theirs.wait_for(lambda: self._theirs.has_all_answers, SETTLED_WITHIN_SECONDS)

    def read(self, database: Database, on_unknown: str) -> Found:
        return self._customers.read(database, on_unknown)
