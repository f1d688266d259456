"""What each answer to a submit means (carriers.md 5.5)."""

import pytest

from app.domain.messages import DeliveryReport, OutboundStatus
from app.providers.base import Accepted, Refused, RefusedForNow
from app.providers.session.dialect import Answered
from app.providers.smpp.id_forms import IdWatch
from app.providers.smpp.pdu import packed
from app.toys.smsc import SUBMIT, Pdu, Session, behave
from tests.providers.session.rig import message, until
from tests.providers.smpp.rig import bound, make

pytestmark = pytest.mark.anyio
THROTTLED, LATER = {0x58, 0x14}, {0x08, 0x45, 0x64, 0xFF, 0x0102}
REBIND = {0x04, 0x05, 0x0D, 0x0E, 0x0F}
OUR_SETTINGS = {0x06, 0x07, 0x0A, 0x15, 0x48, 0x49, 0x53, 0x54, 0x61, 0x62, *range(0xC0, 0xC5)}
FOR_GOOD = {
    0x01, 0x0B, 0x0C, 0x33, 0x34, 0x40, 0x42, 0x43, 0x44, 0x50, 0x51, 0x55, 0x63, 0x65, 0x66, 0xFE,
    0x02, 0x03, 0x67, 0x0100, 0x03FF, 0x0400, 0x04FF, 0x0500, 0x7FFFFFFF, 0xFFFFFFFF,
}  # fmt: skip


def answer_to(status: int, body: bytes = b"", command: int = 0x80000004, **options: object) -> Answered:
    [dialect] = make(1, **options).dialects(0, "sesame")
    dialect.bind(1)
    dialect.read(packed(0x80000009, 1, b"toy\0"))
    heard = dialect.read(packed(command, 5, body, status))
    assert isinstance(heard, Answered)
    assert heard.sequence == 5
    return heard


@pytest.mark.parametrize("body", [b"", b"id\0", b"\0", b"\xff" * 80], ids=repr)
@pytest.mark.parametrize("command", [0x80000004, 0x80000000], ids=["submit_sm_resp", "generic_nack"])
@pytest.mark.parametrize("status", sorted(THROTTLED | LATER | REBIND | OUR_SETTINGS | FOR_GOOD), ids=hex)
def test_every_status_by_itself(status: int, command: int, body: bytes) -> None:
    heard = answer_to(status, body, command)
    if status in FOR_GOOD:
        assert isinstance(heard.result, Refused)
    else:
        assert isinstance(heard.result, RefusedForNow)
        assert heard.result.throttled == (status in THROTTLED)
    assert (heard.end is not None) == (status in REBIND)


@pytest.mark.parametrize(
    ("status", "code"),
    [(0x0B, "RINVDSTADR 0x0B"), (0x0102, "0x00000102"), (0x455, "0x00000455"), (2**32 - 1, "0xFFFFFFFF")],
)
def test_codes_are_shown_by_symbol_and_number(status: int, code: str) -> None:
    result = answer_to(status).result
    assert isinstance(result, Refused | RefusedForNow)
    assert result.error_code == code


@pytest.mark.parametrize(
    ("body", "theirs"),
    [
        (b"abc\0", "abc"),
        (b"ABC\0", "abc"),
        (b"abc", "abc"),
        (b" 7f \0\0", "7f"),
        (b"x" * 70 + b"\0", "x" * 64),
        (b"", ""),
        (b"\0", ""),
    ],
)
def test_ids_are_compared_without_case_and_blanks(body: bytes, theirs: str) -> None:
    assert answer_to(0, body).result == Accepted(theirs)


def test_a_nack_of_status_0_refuses_all_the_same() -> None:
    assert isinstance(answer_to(0, command=0x80000000).result, Refused)


def test_the_settings_overrule_the_table() -> None:
    codes = {"0x0455": "throttle", "0x0400": "later", "0x58": "good"}
    assert answer_to(0x455, codes=codes).result == RefusedForNow("0x00000455", throttled=True)
    assert answer_to(0x400, codes=codes).result == RefusedForNow("0x00000400")
    assert answer_to(0x58, codes=codes).result == Refused("RTHROTTLED 0x58")


async def test_without_an_id_our_reference_is_the_id() -> None:
    def nameless(session: Session, pdu: Pdu) -> None:
        session.answer(pdu) if pdu.command == SUBMIT else behave(session, pdu)

    async with bound(nameless) as rig:
        item = message()
        assert await rig.send(item) == Accepted(item.reference)


async def test_an_answer_about_the_session_binds_anew() -> None:
    def unbound(session: Session, pdu: Pdu) -> None:
        session.answer(pdu, status=0x04) if pdu.command == SUBMIT else behave(session, pdu)

    async with bound(unbound) as rig:
        assert await rig.send() == RefusedForNow("RINVBNDSTS 0x04")
        assert "RINVBNDSTS" in str(await rig.end())
        assert len(rig.session.of(0x06)) == 1


async def test_a_receipt_is_reported_with_the_id_of_the_answer() -> None:
    async with bound(reports=True) as rig:
        assert await rig.send() == Accepted("smsc-1")
        await until(lambda: rig.inbox.reported)
        [report] = rig.inbox.reported
        assert (report.provider_message_id, report.status, report.error_code) == (
            "smsc-1",
            OutboundStatus.DELIVERED,
            "000",
        )
        assert isinstance(report, DeliveryReport)


async def test_a_code_about_our_settings_is_logged_with_the_one_to_check(caplog: pytest.LogCaptureFixture) -> None:
    def strict(session: Session, pdu: Pdu) -> None:
        session.answer(pdu, status=0x48) if pdu.command == SUBMIT else behave(session, pdu)

    async with bound(strict) as rig:
        assert await rig.send() == RefusedForNow("RINVSRCTON 0x48")
    assert "'check': 'source.ton'" in caplog.text


@pytest.mark.parametrize(
    ("answer", "receipt", "fits"),
    [
        ("1f", "31", "{submit: hex, receipt: dec}"),
        ("31", "1F", "{submit: dec, receipt: hex}"),
        ("1f", "32", None),
        ("1f", "no number", None),
    ],
)
def test_receipts_in_another_base_are_noticed_once_an_hour(
    caplog: pytest.LogCaptureFixture, answer: str, receipt: str, fits: str | None
) -> None:
    now = [0.0]
    watch = IdWatch("world", lambda: now[0] + 1)
    for _ in range(2):
        watch.accepted(answer)
        watch.unmatched(receipt.lower())
    lines = [record for record in caplog.records if "another setting would fit" in record.getMessage()]
    assert len(lines) == (1 if fits else 0)
    assert fits is None or fits in caplog.text
    now[0] = 3600.0
    watch.unmatched(receipt.lower())
    assert caplog.text.count("another setting would fit") == (2 if fits else 0)
