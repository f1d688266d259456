"""The chain of evidence: nothing can be changed, taken out or put in unseen, and erasing is possible (flows.md 13; safety.md 27)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from app.domain.escape import escape
from app.domain.evidence import ChainHead, EvidenceDraft, EvidenceRecord, Fact, append, canonical, verify
from tests.commands.world import MSISDN, shanghai

Chain = list[EvidenceRecord]


def chain(length: int = 5) -> Chain:
    records: Chain = []
    head = ChainHead()
    for number in range(length):
        payload: dict[str, Fact] = {
            "answer": escape(f"是{number}\x00\ud83d"),
            "before": {"state": "active", "price_fen": number},
            "ends_at": None,
        }
        at = shanghai("2026-03-02 10:00") + timedelta(microseconds=number)
        record = append(
            head,
            EvidenceDraft("unsubscribe", f"s{number}", payload),
            msisdn=MSISDN,
            tenure=1,
            at=at,
            salt=f"{number:032}",
        )
        records.append(record)
        head = ChainHead(record.seq, record.hash)
    return records


def head_of(records: Chain) -> ChainHead:
    return ChainHead(records[-1].seq, records[-1].hash) if records else ChainHead()


def changed(place: int, **values: object) -> Callable[[Chain], Chain]:
    return lambda records: [replace(item, **values) if item.seq == place else item for item in records]  # type: ignore[arg-type]


def test_an_untouched_chain_verifies() -> None:
    for length in (0, 1, 5):
        records = chain(length)
        assert verify(records, head_of(records)).ok
        assert verify(records, head_of(records)).records == length


def one_more(records: Chain) -> Chain:
    draft = EvidenceDraft("x", "y", {})
    at = shanghai("2026-03-03 10:00")
    return [*records, append(head_of(records), draft, msisdn=MSISDN, tenure=1, at=at, salt="5")]


TAMPERED: dict[str, tuple[Callable[[Chain], Chain], int]] = {
    "payload": (changed(3, payload="{}"), 3),
    "payload emptied": (changed(3, payload=""), 3),
    "salt": (changed(3, salt="other"), 3),
    "salt without payload": (changed(3, salt=None), 3),
    "time": (changed(3, at=shanghai("2026-03-02 10:01")), 3),
    "a microsecond": (changed(3, at=shanghai("2026-03-02 10:00:00.000003")), 3),
    "kind": (changed(3, kind="import"), 3),
    "subject": (changed(3, subject="s9"), 3),
    "tenure": (changed(3, tenure=2), 3),
    "number": (changed(3, msisdn="+8613900139000"), 3),
    "place": (changed(3, seq=4), 4),
    "payload's hash": (changed(3, payload_hash="0" * 64), 3),
    "hash": (changed(3, hash="0" * 64), 3),
    "hash before": (changed(3, previous_hash="0" * 64), 3),
    "first taken out": (lambda records: records[1:], 2),
    "one taken out": (lambda records: records[:2] + records[3:], 4),
    "order": (lambda records: [records[0], records[2], records[1], *records[3:]], 3),
    "one twice": (lambda records: [*records[:3], *records[2:]], 3),
    # The head beside the chain tells what the records cannot.
    "cut short": (lambda records: records[:-1], 5),
    "all gone": (lambda _: [], 1),
    "one put at the end": (one_more, 7),
}


def test_tampering_is_seen() -> None:
    records = chain()
    found = {what: verify(tamper(records), head_of(records)) for what, (tamper, _) in TAMPERED.items()}
    assert [what for what, verification in found.items() if verification.ok] == []
    assert {what: item.first_bad for what, item in found.items()} == {what: bad for what, (_, bad) in TAMPERED.items()}


def test_an_erased_payload_still_verifies() -> None:
    records = chain()
    erased = [replace(item, payload=None, salt=None) for item in records]
    assert verify(erased, head_of(records)).ok
    assert verify(changed(2, payload=None, salt=None)(records), head_of(records)).ok
    assert verify(changed(2, hash="0" * 64)(erased), head_of(records)).first_bad == 2
    # Equal payloads have different hashes: without the salt nobody can try out which payload it was.
    draft = EvidenceDraft("unsubscribe", "s0", {"answer": "是"})
    hashes = {
        append(ChainHead(), draft, msisdn=MSISDN, tenure=1, at=records[0].at, salt=salt).payload_hash for salt in "abc"
    }
    assert len(hashes) == 3


def test_a_payload_is_written_in_one_way() -> None:
    assert (
        canonical({"b": 1, "a": {"z": None, "甲": True}})
        == canonical({"a": {"甲": True, "z": None}, "b": 1})
        == '{"a":{"z":null,"甲":true},"b":1}'
    )
