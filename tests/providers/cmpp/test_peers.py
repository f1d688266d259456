"""The dissector of tshark reads what is written in CMPP 3.0 (carriers.md 10.1). It knows no 2.0."""

from functools import partial
from pathlib import Path

import pytest

from app.domain.values import replace
from app.toys.ismg import Pdu, Session
from tests.providers.session.capturing import dissected
from tests.providers.session.carriers import CMPP3
from tests.providers.session.rig import TIMES, bound, message, until

pytestmark = pytest.mark.anyio
LONG = "您好，回复1退订彩铃，回复2退订手机报。" * 8


def has_all(session: Session) -> bool:
    return bool(session.of(0x80000005) and session.of(0x8) and session.of(0x80000008))


async def every_pdu() -> list[bytes]:
    """Return every kind of PDU that the gateway writes."""
    found: list[bytes] = []
    for is_ended_by_us in (True, False):
        async with bound(CMPP3, times=replace(TIMES, idle=0.05)) as rig:
            await rig.send(replace(message(LONG, segments=3), reply_token="link"))
            await rig.send(message("Reply 1 to stop [Ringtones] @ 5_00 $"))
            rig.deliver()
            rig.session.write(CMPP3.pdu(0x5, 9, b"x"))
            rig.session.send(0x8, 10)
            await until(partial(has_all, rig.session))
            if not is_ended_by_us:
                rig.session.send(0x2, 12)
                await rig.end()
        found += [pdu.octets for pdu in rig.session.pdus]
    return found


async def test_tshark_reads_every_pdu_without_a_malformed_field(tmp_path: Path) -> None:
    pdus = await every_pdu()
    commands = {int.from_bytes(pdu[4:8]) for pdu in pdus}
    assert commands == {1, 2, 4, 8, 0x80000002, 0x80000005, 0x80000008}
    # It must find what is wrong, too.
    broken = Pdu(0x4, 1, b"\0" * 40).octets
    rows = await dissected([*pdus, broken], "cmpp", "cmpp.Command_Id", tmp_path)
    assert [int(row[0], 16) for row in rows[:-1]] == [int.from_bytes(pdu[4:8]) for pdu in pdus]
    assert [row for row in rows[:-1] if row[1]] == []
    assert rows[-1][1], "tshark found nothing wrong with a broken PDU"
