"""A real process among slow, huge and lying strangers: each is refused in time, and an ordinary message is answered."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from app import observability
from tests.crash.process import Process, process_of
from tests.effort import is_thorough
from tests.fuzz.strangers import HUGE, IMPORTS, MARK, SLOW, Stranger, half_open, leaves_early

log = observability.logger(__name__)
pytestmark = pytest.mark.anyio
LONGEST_SECONDS = 5.0
MOST_MEMORY_KB = 500_000
_OF_EACH, _OPEN, _LEAVING = (12, 1_400, 2_000) if is_thorough() else (3, 300, 100)


async def answered(port: int, done: asyncio.Event) -> list[float]:
    """Send an ordinary message every tenth of a second until done; return how long each answer took, in seconds."""
    took: list[float] = []
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30) as client:
        while not done.is_set():
            began = time.monotonic()
            body = {"message_id": f"ordinary-{len(took)}", "from": "13800138000", "to": "10086", "text": "YE"}
            assert (await client.post("/webhooks/generic/inbound", json=body)).status_code == 202
            took.append(time.monotonic() - began)
            with suppress(TimeoutError):
                await asyncio.wait_for(done.wait(), 0.1)
    return took


async def held(port: int, strangers: list[tuple[str, Stranger, set[int]]]) -> dict[str, object]:
    """Let all strangers in at once; return those that ended in another way than they must."""
    ended = await asyncio.gather(*(run(port) for _, run, _ in strangers), return_exceptions=True)
    found = zip(strangers, ended, strict=True)
    return {name: (status, allowed) for (name, _, allowed), status in found if status not in allowed}


async def _while_answered(port: int, work: Callable[[], Awaitable[None]]) -> list[float]:
    done = asyncio.Event()
    ordinary = asyncio.create_task(answered(port, done))
    try:
        await work()
    finally:
        done.set()
    return await ordinary


@pytest.fixture
def process(sqlite_url: str, tmp_path: Path) -> Iterator[Process]:
    with process_of("serve", sqlite_url, tmp_path / "log") as started:
        yield started


async def test_strangers_are_refused_in_time_and_others_answered(process: Process, tmp_path: Path) -> None:
    several = [(name, *stranger) for name, stranger in {**SLOW, **HUGE}.items()] * _OF_EACH
    strangers = [*several, *((name, *stranger) for name, stranger in IMPORTS.items())]

    async def work() -> None:
        async with half_open(process.port, _OPEN):
            await asyncio.gather(*(leaves_early(process.port, number) for number in range(_LEAVING)))
            assert await held(process.port, strangers) == {}

    took = await _while_answered(process.port, work)
    log.info("among strangers", strangers=len(strangers), answered=len(took), slowest=max(took), peak=_peak(process))
    assert max(took) < LONGEST_SECONDS
    assert process.running.poll() is None
    assert '"level": "error"' not in (tmp_path / "log").read_text()
    assert not _files_with_mark(tmp_path), "refused, and stored"
    assert _peak(process) < MOST_MEMORY_KB


def _files_with_mark(folder: Path) -> list[Path]:
    """Return the files of the database that hold what was refused."""
    return [path for path in folder.glob("gateway.db*") if MARK.encode() in path.read_bytes()]


def _peak(process: Process) -> int:
    """Return the most memory that the process ever had, in kB."""
    lines = Path(f"/proc/{process.running.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
