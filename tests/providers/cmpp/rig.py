"""Adapters and dialects of CMPP without a network, at a moment from the specification (carriers.md 10.2)."""

from datetime import UTC, datetime

from app.providers.cmpp.adapter import CmppProvider
from app.providers.cmpp.pdu import packed
from app.providers.session.dialect import Bound, Dialect
from tests.providers.contract import made

# 2 January, 03:04:05 in Beijing.
NOW = datetime(2026, 1, 1, 19, 4, 5, tzinfo=UTC)
VERSIONS = ["2.0", "3.0"]
ISMG_MD5 = {"2.0": "9e21b4ca73ef610ad7e2a0c6990e1098", "3.0": "e9ed198350952cc89cfdfb0c747e8438"}


def provider(version: str = "3.0", **options: object) -> CmppProvider:
    given = {"address": "ismg.example", "version": version, "sp_id": "901234", "service_id": "HELP", **options}
    found = made(CmppProvider, **{"secret": "secret", **given})
    found._now = lambda: NOW
    return found


def bound(version: str) -> Dialect:
    [dialect] = provider(version).dialects(0, "secret")
    dialect.bind(3)
    assert dialect.read(answer_to_connect(version, 3)) == Bound()
    return dialect


def answer_to_connect(version: str, sequence: int) -> bytes:
    width, octet = (1, b"\x20") if version == "2.0" else (4, b"\x30")
    return packed(0x80000001, sequence, bytes(width) + bytes.fromhex(ISMG_MD5[version]) + octet)
