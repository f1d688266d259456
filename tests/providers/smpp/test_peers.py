"""Peers that are not ours: the server of smpp34, that of npm's smpp, and the dissector of tshark (carriers.md 10.1)."""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import smpp34

from app.domain.messages import InboundMessage, OutboundStatus
from app.domain.values import replace
from app.providers.base import Accepted, BindEndedError, EndlessLease
from app.providers.smpp.adapter import SmppProvider
from app.toys.smsc import Pdu, Session, deliver_body
from tests.crash.process import free_port
from tests.programs import lacking, program
from tests.providers.session.capturing import dissected
from tests.providers.session.rig import TIMES, Stored, message, until
from tests.providers.smpp.rig import bound, make

pytestmark = pytest.mark.anyio
HERE = Path(__file__).parent
LONG = "您好，回复1退订彩铃，回复2退订手机报。" * 8
GSM7 = "[10086] Reply 1 to stop {Ringtones} @ 5_00 $ or €1 " * 7


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[SmppProvider, Stored]]:
    provider, inbox = make(port, replace(TIMES, answer=5, goodbye=5)), Stored()
    running = asyncio.create_task(provider.run(0, inbox, EndlessLease()))
    try:
        await until(lambda: provider.is_ready or running.done())
        assert provider.is_ready
        yield provider, inbox
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError, BindEndedError):
            await running


# ---- smpp34


class Carrier:
    """The server of smpp34: it accepts everything, and sends a receipt and a message for each submit."""

    def __init__(self) -> None:
        self.submits: list[smpp34.SubmitSmEvent] = []
        self.answers: list[int] = []
        self.events: list[str] = []

    async def serve(self, server: smpp34.Server) -> None:
        sessions: dict[str, smpp34.Esme] = {}
        while True:
            event = await server.next()
            self.events.append(type(event).__name__)
            if isinstance(event, smpp34.Esme):
                sessions[event.session_id] = event
            elif isinstance(event, smpp34.SubmitSmEvent):
                self.submits.append(event)
                theirs = f"C0FFEE{len(self.submits)}"
                event.accept(theirs)
                await self.deliver(sessions[event.session_id], event, theirs)

    async def deliver(self, esme: smpp34.Esme, event: smpp34.SubmitSmEvent, theirs: str) -> None:
        tlvs = [
            smpp34.Tlv(0x001E, theirs.encode() + b"\0"),  # receipted_message_id
            smpp34.Tlv(0x0427, b"\2"),  # message_state
        ]
        receipt = await esme.deliver_sm(
            event.source_addr,
            b"id:%b stat:DELIVRD" % theirs.encode(),
            source_addr=event.destination_addr,
            source_addr_ton=1,
            esm_class=4,
            tlvs=tlvs,
        )
        text = await esme.deliver_sm(
            event.source_addr,
            "查询".encode("utf-16-be"),
            source_addr=event.destination_addr,
            source_addr_ton=1,
            data_coding=8,
        )
        self.answers += [receipt.command_status, text.command_status]


async def test_the_server_of_smpp34() -> None:
    port, carrier = free_port(), Carrier()
    server = smpp34.Server("127.0.0.1", port, system_id="smpp34")
    await server.start()
    serving = asyncio.create_task(carrier.serve(server))
    try:
        async with connected(port) as (provider, inbox):
            [first] = await provider.send([message(GSM7, encoding="gsm7", segments=3)])
            assert isinstance(first, Accepted)
            # It tells of what came together in any order.
            assert sorted(first.parts) == ["c0ffee1", "c0ffee2", "c0ffee3"]
            [second] = await provider.send([message("您好")])
            assert second == Accepted("c0ffee4")
            await until(lambda: len(carrier.answers) == 8 and len(inbox.found) == 8)
            assert carrier.answers == [0] * 8
            assert sorted(report.provider_message_id for report in inbox.reported) == [*sorted(first.parts), "c0ffee4"]
            assert {report.status for report in inbox.reported} == {OutboundStatus.DELIVERED}
            assert inbox.texts == ["查询"] * 4
            assert [sent.esm_class for sent in carrier.submits] == [0x40, 0x40, 0x40, 0]
            assert carrier.submits[3].short_message == "您好".encode("utf-16-be")
        await until(lambda: "Unbound" in carrier.events)
    finally:
        serving.cancel()
        await server.stop()


# ---- npm's smpp


def node() -> tuple[str, dict[str, str]]:
    """Return the program node and an environment in which it finds smpp."""
    there = program("node", package="the package nodejs")
    npm = shutil.which("npm")
    root = (
        subprocess.run([npm, "root", "--global"], capture_output=True, text=True, check=True).stdout.strip()
        if npm
        else ""
    )
    paths = os.pathsep.join(filter(None, (os.environ.get("NODE_PATH"), root)))
    environment = {**os.environ, "NODE_PATH": paths}
    if subprocess.run([there, "-e", "require('smpp')"], env=environment, capture_output=True, check=False).returncode:
        lacking("node finds no smpp: run npm install --global smpp.")
    return there, environment


async def test_the_server_of_npm() -> None:
    path, environment = await asyncio.to_thread(node)
    process = await asyncio.create_subprocess_exec(
        path, HERE / "peer.js", stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    )
    said: list[dict[str, Any]] = []
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        port = json.loads(await process.stdout.readline())["port"]

        async def hear(count: Callable[[], bool]) -> None:
            assert process.stdout is not None
            while not count():
                said.append(json.loads(await asyncio.wait_for(process.stdout.readline(), 10)))

        def of(what: str) -> list[dict[str, Any]]:
            return [one for one in said if one["what"] == what]

        async with connected(port) as (provider, inbox):
            [first] = await provider.send([message(LONG, segments=3)])
            [second] = await provider.send([message("Hello {you} €", encoding="gsm7")])
            await hear(lambda: len(of("message answered")) == len(of("receipt answered")) == 4)
            assert of("bind") == [{"what": "bind", "system_id": "smsgw", "version": 0x34}]
            submits = of("submit")
            assert isinstance(first, Accepted)
            assert isinstance(second, Accepted)
            assert [one["id"] for one in submits] == [*first.parts, second.provider_message_id]
            assert "".join(one["text"] for one in submits[:3]) == LONG
            assert [one["parts"][0][-4:] for one in submits[:3]] == ["0301", "0302", "0303"]
            assert submits[3]["text"] == "Hello {you} €"
            assert {one["to"] for one in submits} == {"8613800138000"}
            assert {one["status"] for one in of("message answered") + of("receipt answered")} == {0}
            assert inbox.texts == ["查询"] * 4
            assert {report.status for report in inbox.reported} == {OutboundStatus.DELIVERED}
            assert all(isinstance(item, InboundMessage) or item.provider_message_id for item in inbox.found)
        await hear(lambda: bool(of("unbind")))
        assert of("error") == []
    finally:
        process.stdin.close()
        await process.wait()


# ---- tshark


def has_all(session: Session) -> bool:
    return bool(session.of(0x80000103) and session.of(0x15))


async def every_pdu() -> list[bytes]:
    """Return every kind of PDU that the gateway writes."""
    found: list[bytes] = []
    for options in (
        {},
        {"long": "sar"},
        {"long": "payload"},
        {"tlvs": {"0x1400": "text:x"}},
        {"text": {"gsm7": "latin1"}},
    ):
        async with bound(times=replace(TIMES, idle=0.05), options=options) as rig:
            await rig.send(message(LONG, segments=3))
            await rig.send(message(GSM7[:100], encoding="gsm7"))
            rig.server.deliver(rig.session, deliver_body("8613800138000", "10086", b"0000"))
            rig.session.send(0x103, 9, b"\0\1\x018613800138000\0\0\x0110086\0\0\0\0\x04\x24\0\x010")
            rig.session.send(0x15, 10)
            rig.session.send(0x03, 11)
            await until(partial(has_all, rig.session))
        found += [pdu.octets for pdu in rig.session.pdus]
    async with bound(bind="tx_rx") as rig:
        rig.session.send(0x06, 12)
        await rig.end()
        found += [pdu.octets for session in rig.server.sessions for pdu in session.pdus]
    return found


async def test_tshark_reads_every_pdu_without_a_malformed_field(tmp_path: Path) -> None:
    pdus = await every_pdu()
    commands = {int.from_bytes(pdu[4:8]) for pdu in pdus}
    assert commands >= {1, 2, 4, 6, 9, 0x15, 0x80000000, 0x80000005, 0x80000006, 0x80000015, 0x80000103}
    # It must find what is wrong, too.
    broken = Pdu(4, 0, 1, b"\0\3\x00100").octets
    rows = await dissected([*pdus, broken], "smpp", "smpp.command_id", tmp_path)
    assert [int(row[0], 16) for row in rows[:-1]] == [int.from_bytes(pdu[4:8]) for pdu in pdus]
    assert [row for row in rows[:-1] if row[1]] == []
    assert rows[-1][1], "tshark found nothing wrong with a broken PDU"
