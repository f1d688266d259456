"""The evidence chain: manipulation is noticed, and payloads can be erased (flows.md 13; safety.md 27)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from app.domain.escape import escape
from app.domain.evidence import (
    ERASED,
    ChainHead,
    ChainViolation,
    EvidenceDraft,
    EvidenceRecord,
    Fact,
    append,
    canonical,
    purge_draft,
    verify,
)
from app.domain.heads import HeadKeys
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


def one_more(records: Chain, draft: EvidenceDraft | None = None) -> Chain:
    draft = draft or EvidenceDraft("x", "y", {})
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
    # Only the head beside the chain shows these.
    "cut short": (lambda records: records[:-1], 5),
    "all gone": (lambda _: [], 1),
    "one put at the end": (one_more, 7),
}


def test_tampering_is_noticed() -> None:
    records = chain()
    found = {what: verify(tamper(records), head_of(records)) for what, (tamper, _) in TAMPERED.items()}
    assert [what for what, verification in found.items() if verification.ok] == []
    assert {what: item.first_bad for what, item in found.items()} == {what: bad for what, (_, bad) in TAMPERED.items()}


def without_payloads(records: Chain, *places: int) -> Chain:
    return [replace(item, payload=None, salt=None) if item.seq in places else item for item in records]


def test_a_payload_may_be_missing_only_if_a_later_record_says_so() -> None:
    records = chain()
    purged = one_more(records, purge_draft("purge", [2, 4]))
    erased = one_more(purged, EvidenceDraft(ERASED, MSISDN, {"who": "x"}))
    bad: dict[str, tuple[Chain, int | None]] = {
        "none says so": (without_payloads(records, 2), 2),
        "the first of several": (without_payloads(records, 2, 4, 5), 2),
        "purged": (without_payloads(purged, 2, 4), None),
        "purged, but for one of them": (without_payloads(purged, 2), None),
        "another than those purged": (without_payloads(purged, 2, 3, 4), 3),
        "what says so is gone itself": (without_payloads(purged, 2, 4, 6), 2),
        "erased": (without_payloads(erased, 1, 2, 3, 4, 5, 6), None),
        "what says that all was erased is gone itself": (without_payloads(erased, 1, 7), 1),
        "one that came behind": (without_payloads(one_more(erased), 1, 8), 8),
    }
    found = {what: verify(records, head_of(records)) for what, (records, _) in bad.items()}
    assert {what: item.first_bad for what, item in found.items()} == {what: place for what, (_, place) in bad.items()}
    assert {item.violation for item in found.values()} == {None, ChainViolation.PAYLOAD_GONE}


def test_an_erased_payload_cannot_be_guessed_from_its_hash() -> None:
    records = chain()
    erased = one_more([replace(item, payload=None, salt=None) for item in records], purge_draft("x", range(1, 6)))
    assert verify(erased, head_of(erased)).ok
    assert verify(changed(2, hash="0" * 64)(erased), head_of(erased)).first_bad == 2
    # Equal payloads have different hashes: without the salt nobody can test a guess.
    draft = EvidenceDraft("unsubscribe", "s0", {"answer": "是"})
    hashes = {
        append(ChainHead(), draft, msisdn=MSISDN, tenure=1, at=records[0].at, salt=salt).payload_hash for salt in "abc"
    }
    assert len(hashes) == 3


def test_equal_payloads_are_written_alike() -> None:
    assert (
        canonical({"b": 1, "a": {"z": None, "甲": True}})
        == canonical({"a": {"甲": True, "z": None}, "b": 1})
        == '{"a":{"z":null,"甲":true},"b":1}'
    )


OURS, REPLACED, FOREIGN = (HeadKeys([bytes([number]) * 32]) for number in range(3))
BOTH = HeadKeys([bytes([0]) * 32, bytes([1]) * 32])


def test_a_signature_is_valid_only_for_its_own_chain_and_keys() -> None:
    head = OURS.sign(MSISDN, 1, 5, "ab" * 32)
    assert OURS.violation(MSISDN, 1, head) is None
    assert BOTH.violation(MSISDN, 1, head) is None
    assert BOTH.violation(MSISDN, 1, REPLACED.sign(MSISDN, 1, 5, "ab" * 32)) is None, "keys that were replaced count on"
    assert OURS.violation(MSISDN, 1, FOREIGN.sign(MSISDN, 1, 5, "ab" * 32)) is ChainViolation.KEY_UNKNOWN
    pretended = replace(FOREIGN.sign(MSISDN, 1, 5, "ab" * 32), key=OURS.newest)
    for other in (
        ChainHead(5, "ab" * 32),
        replace(head, seq=4),
        replace(head, hash="cd" * 32),
        replace(head, mac=None),
        replace(head, key=None),
        replace(head, mac="é" * 64),
        OURS.sign(MSISDN, 2, 5, "ab" * 32),
        OURS.sign("+8613900139000", 1, 5, "ab" * 32),
        pretended,
    ):
        assert OURS.violation(MSISDN, 1, other) is ChainViolation.NOT_SIGNED, other


def test_a_head_after_one_without_a_valid_signature_is_not_signed() -> None:
    after = ChainHead(6, "cd" * 32)
    assert OURS.follow(MSISDN, 1, OURS.sign(MSISDN, 1, 5, "ab" * 32), after) == OURS.sign(MSISDN, 1, 6, "cd" * 32)
    assert BOTH.follow(MSISDN, 1, REPLACED.sign(MSISDN, 1), after) == OURS.sign(MSISDN, 1, 6, "cd" * 32)
    for before in (ChainHead(), ChainHead(5, "ab" * 32), FOREIGN.sign(MSISDN, 1, 5, "ab" * 32)):
        assert OURS.follow(MSISDN, 1, before, after) == after
