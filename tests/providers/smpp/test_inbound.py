"""What comes in: texts, parts, receipts (carriers.md 5.3, 5.6, 5.7)."""

from datetime import UTC, datetime

import pytest

from app.domain.messages import DeliveryReport, InboundMessage, OutboundStatus
from app.domain.parts import PartOf
from app.providers.session.dialect import Incoming
from app.providers.smpp.pdu import packed
from app.toys.smsc import deliver_body
from tests.providers.smpp.rig import make

FROM, TO = "8613800138000", "10086977"
DELIVERED, UNDELIVERED, EXPIRED = OutboundStatus.DELIVERED, OutboundStatus.UNDELIVERED, OutboundStatus.EXPIRED
ACCEPTED, REJECTED, DELETED = OutboundStatus.ACCEPTED, OutboundStatus.REJECTED, OutboundStatus.DELETED
UNKNOWN = OutboundStatus.UNKNOWN


def heard(body: bytes, command: int = 0x05, /, **options: object) -> Incoming:
    [dialect] = make(1, **options).dialects(2, "sesame")
    dialect.bind(1)
    dialect.read(packed(0x80000009, 1, b"toy\0"))
    found = dialect.read(packed(command, 5, body))
    assert isinstance(found, Incoming)
    return found


def mo(octets: bytes, command: int = 0x05, **given: object) -> InboundMessage:
    options = {name: given.pop(name) for name in ("text", "mo_id_tlv") if name in given}
    found = heard(deliver_body(FROM, TO, octets, **given), command, **options).message  # type: ignore[arg-type]
    assert found is not None
    return found


# ---- messages


def test_a_message() -> None:
    found = mo("00 查".encode("utf-16-be"), data_coding=8)
    assert (found.sender, found.dialled, found.text, found.part) == ("+8613800138000", "10086977", "00 查", None)
    slot, session, number = found.message_id.split(".")
    assert (slot, session.isdecimal(), number) == ("2", True, "1")
    assert mo(b"0000").message_id != mo(b"0000").message_id


@pytest.mark.parametrize(("ton", "sender"), [(1, "+8613800138000"), (0, "8613800138000"), (5, "8613800138000")])
def test_only_an_international_sender_gets_a_plus(ton: int, sender: str) -> None:
    assert mo(b"x", ton=ton).sender == sender


def test_the_carriers_own_id_where_it_sends_one() -> None:
    tlvs = {0x1403: b"mo-17\0"}
    assert mo(b"x", tlvs=tlvs, mo_id_tlv="0x1403").message_id == "mo-17"
    assert mo(b"x", tlvs=tlvs).message_id != "mo-17"


@pytest.mark.parametrize(
    ("octets", "data_coding", "text"),
    [
        (b"\x00\x11\x1b\x65\x1b\x28", 0, "@_€{"),
        (b"\x1b\x41\x1b", 0, "A\ufffd"),
        (b"\x80\xff", 0, "\ufffd\ufffd"),
        (b"@_\x80", 1, "@_\ufffd"),
        (b"@\xa3", 3, "@£"),
        (b"\x60\xa8", 8, "您"),
        (b"\x60\xa8\x59", 8, "您"),
        (b"\xd8\x3d\xde\x00", 8, "😀"),
        (b"\xd8\x3d\x00a", 8, "\ufffda"),
        (b"\xff\x00", 2, "ÿ\0"),
        (b"\xff", 4, "ÿ"),
        (b"\x00", 0x10, "@"),
        (b"\x00", 0xF3, "@"),
        (b"\x60\xa8", 0x18, "您"),
        (b"\xff", 0xF5, "ÿ"),
        (b"\x00", 0x77, "@"),
        (b"", 0, ""),
    ],
)
def test_a_text_by_its_data_coding(octets: bytes, data_coding: int, text: str) -> None:
    assert mo(octets, data_coding=data_coding).text == text


def test_data_coding_0_is_what_the_settings_say() -> None:
    assert mo(b"@\xa3", text={"gsm7": "latin1"}).text == "@£"
    assert mo(b"@", text={"gsm7": "ascii"}).text == "@"
    assert mo(b"\0", text={"gsm7": "none"}).text == "@"


def test_the_text_in_a_payload() -> None:
    payload = {0x0424: b"payload"}
    assert mo(b"", tlvs=payload).text == "payload"
    assert mo(b"short", tlvs=payload).text == "short"


def test_data_sm_is_read_alike() -> None:
    body = b"\0\1\1" + FROM.encode() + b"\0\0\1" + TO.encode() + b"\0\0\0\0" + b"\x04\x24\0\4" + b"0000"
    found = heard(body, 0x103)
    assert found.reply == packed(0x80000103, 5, b"\0")
    assert found.message is not None
    assert (found.message.sender, found.message.text) == ("+8613800138000", "0000")


# ---- parts


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("05 00 03 11 02 01", PartOf("17", 1, 2)),
        ("06 08 04 00 11 02 02", PartOf("17/16", 2, 2)),
        ("08 24 01 00 00 03 11 02 01", PartOf("17", 1, 2)),
        ("05 00 03 11 00 01", None),
        ("05 00 03 11 02 00", None),
        ("05 00 03 11 02 03", None),
        ("04 00 02 11 02", None),
        ("02 24 00", None),
        ("03 00 09 11", None),
        ("00", None),
    ],
)
def test_a_user_data_header(header: str, part: PartOf | None) -> None:
    found = mo(bytes.fromhex(header) + b"text", esm_class=0x40)
    assert (found.text, found.part) == ("text", part)


def test_a_header_beyond_the_data_is_left_out() -> None:
    found = mo(b"\x40text", esm_class=0x40)
    assert (found.text, found.part) == ("text", None)


def test_the_three_optional_parameters_of_a_part() -> None:
    sar = {0x020C: b"\0\x11", 0x020E: b"\2", 0x020F: b"\1"}
    assert mo(b"x", tlvs=sar).part == PartOf("17/16", 1, 2)
    for missing in sar:
        assert mo(b"x", tlvs={tag: value for tag, value in sar.items() if tag != missing}).part is None
    assert mo(b"x", tlvs={**sar, 0x020F: b"\3"}).part is None
    header = bytes.fromhex("05 00 03 22 03 03")
    assert mo(header + b"x", tlvs=sar, esm_class=0x40).part == PartOf("34", 3, 3)


@pytest.mark.parametrize("header", ["06 05 04 0B 84 23 F0", "04 04 02 01 02"])
def test_what_is_for_a_program_is_answered_and_not_kept(header: str) -> None:
    found = heard(deliver_body(FROM, TO, bytes.fromhex(header) + b"x", esm_class=0x40))
    assert (found.message, found.report, found.bad) == (None, None, "message for a program")
    assert found.reply == packed(0x80000005, 5, b"\0")


# ---- receipts

TYPICAL = "id:{} sub:001 dlvrd:001 submit date:2603010959 done date:2603011000 stat:{} err:000 text:hello"
AT = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)
TEXTS = [
    (TYPICAL.format("abc", "DELIVRD"), "abc", DELIVERED, "000", AT),
    (TYPICAL.format("ABC", "delivrd"), "abc", DELIVERED, "000", AT),
    (TYPICAL.format("1", "DELIVERED"), "1", DELIVERED, "000", AT),
    (TYPICAL.format("1", "EXPIRED"), "1", EXPIRED, "000", AT),
    (TYPICAL.format("1", "DELETED"), "1", DELETED, "000", AT),
    (TYPICAL.format("1", "UNDELIV"), "1", UNDELIVERED, "000", AT),
    (TYPICAL.format("1", "UNDELIVERABLE"), "1", UNDELIVERED, "000", AT),
    (TYPICAL.format("1", "FAILED"), "1", UNDELIVERED, "000", AT),
    (TYPICAL.format("1", "REJECTD"), "1", REJECTED, "000", AT),
    (TYPICAL.format("1", "REJECTED"), "1", REJECTED, "000", AT),
    (TYPICAL.format("1", "UNKNOWN"), "1", UNKNOWN, "000", AT),
    (TYPICAL.format("1", "ACCEPTD"), "1", ACCEPTED, "000", AT),
    (TYPICAL.format("1", "ACCEPTED"), "1", ACCEPTED, "000", AT),
    (TYPICAL.format("1", "ENROUTE"), "1", ACCEPTED, "000", AT),
    (TYPICAL.format("1", "BUFFRED"), "1", ACCEPTED, "000", AT),
    (TYPICAL.format("1", "BUFFERD"), "1", ACCEPTED, "000", AT),
    (TYPICAL.format("1", "ACKED"), "1", ACCEPTED, "000", AT),
    (TYPICAL.format("1", "WHATEVER"), "1", None, "000", AT),
    ("id:1 stat:DELIVRD", "1", DELIVERED, None, None),
    ("id:1 stat:NEWWORD", "1", None, "NEWWORD", None),
    ("ID:1 STAT:DELIVRD ERR:12A", "1", DELIVERED, "12A", None),
    ("Id: 1 Stat: UNDELIV Err: 0x0B", "1", UNDELIVERED, "0x0B", None),
    ("id:  1  stat:\tDELIVRD", "1", DELIVERED, None, None),
    ("id:1 stat:DELIVRD err:no such subscriber text:x", "1", DELIVERED, "no such subscriber", None),
    ("id:1 stat:DELIVRD err: text:x", "1", DELIVERED, None, None),
    ("id:1 stat:UNDELIV err:" + "9" * 230, "1", UNDELIVERED, "9" * 200, None),
    ("id:1 done date:260301100000 stat:DELIVRD", "1", DELIVERED, None, AT),
    ("id:1 done date:20260301100000 stat:DELIVRD", "1", DELIVERED, None, AT),
    ("id:1 done date:rubbish stat:DELIVRD", "1", DELIVERED, None, None),
    ("id:1 done date:2699999999 stat:DELIVRD", "1", DELIVERED, None, None),
    ("id:1 done date: stat:DELIVRD", "1", DELIVERED, None, None),
    ("id:1 submit date:2603010959 done date:2603011000 stat:DELIVRD", "1", DELIVERED, None, AT),
    ("id:1 stat:DELIVRD text:id:2 stat:UNDELIV", "1", DELIVERED, None, None),
    ("id:1 Text:stat:UNDELIV", "1", None, None, None),
    ("stat:DELIVRD id:1", "1", DELIVERED, None, None),
    ("sub:001 dlvrd:001 id:1 err:000 stat:DELIVRD", "1", DELIVERED, "000", None),
    ("id:00000000001234567890 stat:DELIVRD", "00000000001234567890", DELIVERED, None, None),
    ("id:18446744073709551616 stat:DELIVRD", "18446744073709551616", DELIVERED, None, None),
    ("id:c0ffee-0001@smsc_1 stat:DELIVRD", "c0ffee-0001@smsc_1", DELIVERED, None, None),
    (
        "id:1 sub:1 dlvrd:1 submit date:2603010959 done date:2603011000 stat:DELIVRD err:0 text:",
        "1",
        DELIVERED,
        "0",
        AT,
    ),
    ("id:1\nstat:DELIVRD\nerr:000", "1", DELIVERED, "000", None),
]


def report(
    octets: bytes, esm_class: int = 0x04, tlvs: "dict[int, bytes] | None" = None, **options: object
) -> DeliveryReport:
    found = heard(deliver_body(FROM, TO, octets, esm_class=esm_class, tlvs=tlvs), **options)
    assert found.message is None
    assert found.report is not None
    return found.report


@pytest.mark.parametrize(("text", "theirs", "status", "code", "at"), TEXTS, ids=range(len(TEXTS)))
def test_a_receipt_by_its_text(
    text: str, theirs: str, status: OutboundStatus | None, code: str | None, at: datetime | None
) -> None:
    assert len(TEXTS) >= 40
    found = report(text.encode())
    assert (found.provider_message_id, found.status, found.error_code, found.at) == (theirs, status, code, at)


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (0, None), (1, ACCEPTED), (2, DELIVERED), (3, EXPIRED), (4, DELETED), (5, UNDELIVERED), (6, ACCEPTED),
        (7, UNKNOWN), (8, REJECTED), (9, UNDELIVERED), (200, None),
    ],
)  # fmt: skip
def test_a_receipt_by_its_parameters(state: int, status: OutboundStatus | None) -> None:
    tlvs = {0x001E: b"ABC\0", 0x0427: bytes((state,)), 0x0423: b"\3\0\x0b"}
    found = report(b"", tlvs=tlvs)
    assert (found.provider_message_id, found.status, found.error_code) == ("abc", status, "3:11")
    assert report(b"id:abc stat:UNDELIV", tlvs=tlvs).status == status


def test_a_parameter_alone_makes_it_a_receipt() -> None:
    assert report(b"id:2 stat:DELIVRD", esm_class=0, tlvs={0x001E: b"1\0"}).provider_message_id == "1"
    assert report(b"id:2 stat:DELIVRD", tlvs={0x001E: b"1"}, receipt_id="text_first").provider_message_id == "2"


def test_a_text_alone_may_be_one_where_the_settings_say_so() -> None:
    found = heard(deliver_body(FROM, TO, b"id:7 stat:DELIVRD"), receipts_in_text=True)
    assert found.report == DeliveryReport("7", DELIVERED, sent_to="+8613800138000", is_doubtful=True)
    assert found.message is not None
    for text in (b"id:7 stat:GOOD", b"stat:DELIVRD", b"0000"):
        assert heard(deliver_body(FROM, TO, text), receipts_in_text=True).report is None


def test_a_text_alone_makes_none() -> None:
    assert mo(b"id:7 stat:DELIVRD").text == "id:7 stat:DELIVRD"


@pytest.mark.parametrize("esm_class", [0x04, 0x20, 0x44, 0x60])
def test_final_and_intermediate_receipts_with_and_without_a_header(esm_class: int) -> None:
    header = bytes.fromhex("05 00 03 11 02 01") if esm_class & 0x40 else b""
    found = report(header + b"id:1 stat:ENROUTE", esm_class=esm_class)
    assert (found.provider_message_id, found.status) == ("1", ACCEPTED)


def test_a_receipt_in_a_payload_and_in_ucs2() -> None:
    assert report(b"", tlvs={0x0424: b"id:1 stat:DELIVRD"}).status == DELIVERED
    wide = deliver_body(FROM, TO, "id:1 stat:DELIVRD".encode("utf-16-be"), esm_class=4, data_coding=8)
    assert heard(wide).report == DeliveryReport("1", DELIVERED, sent_to=f"+{FROM}")


@pytest.mark.parametrize("esm_class", [0x08, 0x10])
def test_acknowledgements_of_the_handset_are_answered_and_ignored(esm_class: int) -> None:
    found = heard(deliver_body(FROM, TO, b"read", esm_class=esm_class))
    assert (found.message, found.report) == (None, None)
    assert found.reply


def test_a_receipt_without_an_id_is_answered_and_counted() -> None:
    found = heard(deliver_body(FROM, TO, b"stat:DELIVRD", esm_class=4))
    assert (found.report, found.bad) == (None, "receipt without an id")


@pytest.mark.parametrize(
    ("ids", "submit", "receipt"),
    [
        ("as_is", "00ABCDEF", "00abcdef"),
        ({"submit": "hex", "receipt": "dec"}, "1F", "0000000031"),
        ({"submit": "dec", "receipt": "hex"}, "31", "0000001f"),
        ({"submit": "hex", "receipt": "hex"}, "001F", "1f"),
        ({"submit": "hex", "receipt": "dec"}, "10000000000000000", "18446744073709551616"),
        ({"submit": "hex", "receipt": "dec"}, "no-number", "NO-NUMBER"),
    ],
)
def test_ids_meet_in_the_form_of_the_settings(ids: object, submit: str, receipt: str) -> None:
    [dialect] = make(1, message_ids=ids).dialects(0, "sesame")
    dialect.bind(1)
    dialect.read(packed(0x80000009, 1, b"toy\0"))
    answer = dialect.read(packed(0x80000004, 5, submit.encode() + b"\0"))
    named = report(f"id:{receipt} stat:DELIVRD".encode(), message_ids=ids).provider_message_id
    assert answer.result.provider_message_id == named  # type: ignore[union-attr]
