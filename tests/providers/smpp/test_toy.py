"""docs/carriers/smpp.md: its settings are right, and its toy works as it says."""

import asyncio
import subprocess
import sys

import pytest
import yaml

from app.providers import provider_kinds
from app.providers.base import EndlessLease
from app.settings import SettingsFile
from tests.docs.reading import ROOT, blocks
from tests.providers.session.rig import Stored, message, until
from tests.providers.smpp.rig import make

pytestmark = pytest.mark.anyio
PAGE = ROOT / "docs" / "carriers" / "smpp.md"


def test_the_settings_of_the_page() -> None:
    [block] = blocks(PAGE, "yaml")
    file = SettingsFile.model_validate(yaml.safe_load(block.code), context=provider_kinds())
    assert file.providers["world"].kind == "smpp"


async def test_the_toy_at_the_terminal() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app.toys", "0", stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    )
    assert process.stdout is not None
    assert process.stdin is not None

    async def said() -> str:
        assert process.stdout is not None
        return (await asyncio.wait_for(process.stdout.readline(), 20)).decode().rstrip()

    try:
        listening = await said()
        assert listening.startswith("listening on 127.0.0.1:")
        provider, inbox = make(int(listening.rpartition(":")[2])), Stored()
        running = asyncio.create_task(provider.run(0, inbox, EndlessLease()))
        assert await said() == "bound as transceiver"
        await until(lambda: provider.is_ready)
        await provider.send([message("您好")])
        assert await said() == "10086977 to 8613800138000: 您好"
        first, *_ = [block.code for block in blocks(PAGE, "text")]
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
