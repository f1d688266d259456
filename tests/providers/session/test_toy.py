"""docs/carriers/smpp.md and cmpp.md: their settings are right, and their toys work as they say."""

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from app.domain.service_numbers import Extension, ServiceNumbers
from app.providers import provider_kinds
from app.providers.base import EndlessLease
from app.settings import SettingsFile
from tests.docs.reading import ROOT, blocks
from tests.providers.session.carriers import CMPP3, SMPP, AnyCarrier
from tests.providers.session.rig import Stored, make, message, until

pytestmark = pytest.mark.anyio
PAGES = ROOT / "docs" / "carriers"


def page_of(carrier: AnyCarrier) -> Path:
    return PAGES / f"{carrier.kind}.md"


def options_of(carrier: AnyCarrier) -> Sequence[str]:
    return [] if carrier is SMPP else ["--cmpp", str(carrier.options["version"])]


def test_the_settings_of_the_page(carrier: AnyCarrier) -> None:
    first, *_ = blocks(page_of(carrier), "yaml")
    file = SettingsFile.model_validate(yaml.safe_load(first.code), context=provider_kinds())
    [provider] = file.providers.values()
    assert provider.kind == carrier.kind


def test_the_page_about_cmpp_tells_the_operator_every_extension() -> None:
    page = page_of(CMPP3).read_text("utf-8")
    numbers = [
        ServiceNumbers().number(one) for one in Extension if one not in (Extension.FOREIGN, Extension.CONFIRMATION)
    ]
    assert [number for number in numbers if f"| `{number}` |" not in page] == []
    first, last = (ServiceNumbers().number(f"{Extension.CONFIRMATION}{place}") for place in ("00", "99"))
    assert f"| `{first}` to `{last}` |" in page


async def test_the_toy_at_the_terminal(carrier: AnyCarrier) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app.toys", *options_of(carrier), "0",
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdin is not None

    async def said() -> str:
        assert process.stdout is not None
        return (await asyncio.wait_for(process.stdout.readline(), 20)).decode().rstrip()

    try:
        listening = await said()
        assert listening.startswith("listening on 127.0.0.1:")
        provider, inbox = make(carrier, int(listening.rpartition(":")[2])), Stored()
        running = asyncio.create_task(provider.run(0, inbox, EndlessLease()))
        assert await said() == ("bound as transceiver" if carrier is SMPP else "connected by 901234")
        await until(lambda: provider.is_ready)
        await provider.send([message("您好")])
        assert await said() == f"10086977 to {carrier.recipients}: 您好"
        first, *_ = [block.code for block in blocks(page_of(carrier), "text")]
        process.stdin.write(first.encode())
        await until(lambda: inbox.texts)
        assert inbox.texts == ["0000"]
        process.stdin.write(b"\n")
        assert await said() == "write: 8613800138000 10086 0000"
        running.cancel()
        await asyncio.wait([running])
    finally:
        process.kill()
        await process.wait()
