"""What comes in: texts, parts, reports of both lengths, in both versions (carriers.md 6.6, 6.7)."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from app.domain.messages import DeliveryReport, InboundMessage, OutboundStatus
from app.domain.msisdn import is_service_number, parse_sender
from app.domain.parts import PartOf
from app.providers.cmpp.pdu import packed
from app.providers.session.dialect import Incoming, Reply
from app.toys.submits import V2, V3, Delivery, report_content
from tests.providers.cmpp.rig import VERSIONS, bound

OCTETS = {"2.0": V2, "3.0": V3}
MSG_ID = bytes.fromhex("0123456789abcdef")
MO = Delivery(MSG_ID, "13800138000", "10086977", b"0000")
DONE = datetime(2026, 3, 1, 10, 2)  # noqa: DTZ001  in Beijing


def heard(delivery: Delivery, version: str = "3.0") -> Incoming:
    found = bound(version).read(packed(0x5, 9, delivery.body(OCTETS[version])))
    assert isinstance(found, Incoming)
    return found


def mo(version: str = "3.0", **given: Any) -> InboundMessage:  # noqa: ANN401  any field
    found = heard(replace(MO, **given), version).message
    assert found is not None
    return found


# ---- messages


@pytest.mark.parametrize("version", VERSIONS)
def test_a_message(version: str) -> None:
    found = mo(version)
    assert found == InboundMessage("0123456789abcdef", "13800138000", "10086977", "0000")


@pytest.mark.parametrize(
    ("content", "msg_fmt", "text"),
    [
        (b"@_$ 0000", 0, "@_$ 0000"),
        (b"\xa35", 0, "£5"),
        (b"\x60\xa8\x59\x7d", 8, "您好"),
        (b"\x60\xa8\x59", 8, "您"),
        (b"\xd8\x3d\xde\x00", 8, "😀"),
        ("您好€".encode("gb18030"), 15, "您好€"),
        (b"\xc4", 15, "\ufffd"),
        (b"\xff", 3, "ÿ"),
        (b"\xff", 4, "ÿ"),
        (b"\x80", 1, "\ufffd"),
        (b"\x00", 0x10, "@"),
        (b"\x60\xa8", 0x18, "您"),
        (b"\xff", 0x77, "ÿ"),
        (b"", 0, ""),
    ],
)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_text_by_its_msg_fmt(content: bytes, msg_fmt: int, text: str, version: str) -> None:
    assert mo(version, content=content, msg_fmt=msg_fmt).text == text


def test_link_id_is_kept_for_the_answers_and_reserve_is_not() -> None:
    assert mo(link_id="link-1").reply_token == "link-1"
    assert mo().reply_token is None
    assert mo("2.0", link_id="reserve").reply_token is None


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("05 00 03 11 02 01", PartOf("17", 1, 2)),
        ("06 08 04 00 11 02 02", PartOf("17/16", 2, 2)),
        ("05 00 03 11 02 03", None),
        ("02 24 00", None),
    ],
)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_part_of_a_long_message(header: str, part: PartOf | None, version: str) -> None:
    found = mo(version, content=bytes.fromhex(header) + "您好".encode("utf-16-be"), msg_fmt=8, has_header=True)
    assert (found.text, found.part) == ("您好", part)


def test_what_is_for_a_program_is_answered_and_not_kept() -> None:
    content = bytes.fromhex("06 05 04 0B 84 23 F0") + b"x"
    found = heard(replace(MO, content=content, has_header=True))
    assert (found.message, found.report, found.bad) == (None, None, "message for a program")
    assert found.reply == packed(0x80000005, 9, MSG_ID + bytes(4))


def test_a_pseudonym_is_no_subscriber_and_counted() -> None:
    found = heard(replace(MO, source_type=1))
    assert found.bad == "pseudonym"
    assert found.message is not None
    assert parse_sender(found.message.sender) is None
    assert not is_service_number(found.message.sender)


def test_without_a_msg_id_slot_session_and_number_are_the_id() -> None:
    first, second = mo(msg_id=bytes(8)), mo(msg_id=bytes(8))
    assert first.seen is not None
    assert second.seen is not None
    assert first.message_id == f"0.{first.seen.epoch}.1"
    assert first.message_id != second.message_id
    assert first.seen.octets == second.seen.octets != getattr(mo(msg_id=bytes(8), content=b"1").seen, "octets", None)
    assert mo().seen is None


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("left", [0, 5, 8, 60, -1])
def test_a_message_without_its_fixed_part_is_refused(version: str, left: int) -> None:
    body = replace(MO, content=b"x" * 40).body(OCTETS[version])
    tail = 8 if version == "2.0" else 20
    body = body[: len(body) - tail + left] if left < 0 else body[:left]
    found = bound(version).read(packed(0x5, 9, body))
    msg_id, result = body[:8].ljust(8, b"\0"), b"\1" if version == "2.0" else b"\0\0\0\1"
    assert found == Reply(packed(0x80000005, 9, msg_id + result), "message without its fixed part")


@pytest.mark.parametrize("version", VERSIONS)
def test_reserve_and_link_id_may_be_missing(version: str) -> None:
    body = MO.body(OCTETS[version])[: -8 if version == "2.0" else -20]
    found = bound(version).read(packed(0x5, 9, body))
    assert isinstance(found, Incoming)
    assert found.message is not None
    assert (found.message.text, found.message.reply_token) == ("0000", None)


# ---- reports


def report(content: bytes, version: str = "3.0", **given: Any) -> DeliveryReport | None:  # noqa: ANN401  any field
    # Its Msg_Fmt and TP_udhi are copied from the SUBMIT by some.
    fields = {"msg_fmt": 8, "has_header": True, "msg_id": b"\7" * 8, **given}
    found = heard(replace(MO, content=content, is_report=True, **fields), version)
    assert found.message is None
    assert found.reply[-4:] == bytes(4)
    return found.report


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("octets", [V2, V3], ids=["60 octets", "71 octets"])
def test_a_report_of_either_length_in_either_version(version: str, octets: int) -> None:
    content = report_content(octets, MSG_ID, "13800138000", "DELIVRD", DONE)
    assert len(content) == (60 if octets == V2 else 71)
    at = datetime(2026, 3, 1, 2, 2, tzinfo=UTC)
    expected = DeliveryReport("0123456789abcdef", OutboundStatus.DELIVERED, "DELIVRD", at)
    found = heard(replace(MO, content=content, is_report=True), version).report
    assert found == expected


@pytest.mark.parametrize(
    ("stat", "status"),
    [
        ("DELIVRD", OutboundStatus.DELIVERED),
        ("delivrd", OutboundStatus.DELIVERED),
        ("EXPIRED", OutboundStatus.EXPIRED),
        ("DELETED", OutboundStatus.DELETED),
        ("UNDELIV", OutboundStatus.UNDELIVERED),
        ("ACCEPTD", OutboundStatus.ACCEPTED),
        ("UNKNOWN", OutboundStatus.UNKNOWN),
        ("REJECTD", OutboundStatus.REJECTED),
        *((f"{element}:0001", OutboundStatus.UNKNOWN) for element in ("MA", "MC", "CA", "DA", "SA", "IA", "IC")),
        *((f"{element}:0054", OutboundStatus.UNDELIVERED) for element in ("MB", "CB", "DB", "SB", "IB")),
        ("ID:0076", OutboundStatus.UNDELIVERED),
        ("REJECT", OutboundStatus.UNDELIVERED),
        ("", None),
    ],
)
def test_what_a_stat_means(stat: str, status: OutboundStatus | None) -> None:
    found = report(report_content(V3, MSG_ID, "13800138000", stat, DONE))
    assert found is not None
    assert (found.status, found.error_code) == (status, stat or None)


@pytest.mark.parametrize("octets", [15, 22, 34, 59, 61, 70])
def test_a_report_of_another_length_is_read_as_far_as_it_goes(octets: int) -> None:
    content = report_content(V3, MSG_ID, "13800138000", "UNDELIV", DONE)[:octets]
    found = report(content)
    assert found is not None
    assert (found.provider_message_id, found.status) == ("0123456789abcdef", OutboundStatus.UNDELIVERED)
    assert (found.at is not None) == (octets >= 35)


@pytest.mark.parametrize("content", [b"", b"x" * 14, bytes(8) + b"DELIVRD"])
def test_a_report_that_names_no_message_is_answered_and_counted(content: bytes) -> None:
    found = heard(replace(MO, content=content, is_report=True))
    assert (found.message, found.report, found.bad) == (None, None, "report without an id")
    assert found.reply == packed(0x80000005, 9, MSG_ID + bytes(4))


@pytest.mark.parametrize("done", [b"2602300000", b"260301100x", b"26030110\0\0", b"\xff" * 10])
def test_a_time_that_is_none_is_no_error(done: bytes) -> None:
    content = report_content(V3, MSG_ID, "13800138000", "DELIVRD", DONE)
    found = report(content[:25] + done + content[35:])
    assert found is not None
    assert (found.status, found.at) == (OutboundStatus.DELIVERED, None)
