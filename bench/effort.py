"""Measures how long a single request or text can block the event loop: ``python -m bench.effort``.

For worst-case requests it shows the longest processor time that the event loop's thread used without a break, the best
of three tries (safety.md 37 allows 50 ms). For worst-case texts it shows how much longer an eight times longer text
takes: about 8 for linear work, 64 for quadratic work.
"""

import asyncio
import json
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Callable, Sequence

import httpx

from app.db import migrations
from app.db.session import Database, normalise_url
from app.domain.escape import escape
from app.domain.masking import mask, mask_part
from app.domain.segments import measure
from app.domain.spam import number_and_content
from app.main import create_app
from app.observability import configure_logging, masked_text
from app.settings import Environment, Settings

_TRIES = 3
# Limits of a smoke run. They are generous, as it also runs on slow and busy machines.
_MAX_SECONDS, _MAX_GROWTH = 0.2, 20
_SHORT, _LONG = 8_000, 64_000
# Shorter times are neither measurable nor relevant.
_NEGLIGIBLE_SECONDS = 0.05


# ---- requests


def _messages(text: str, count: int) -> str:
    items = [{"message_id": f"{n}", "from": f"138001{n:05}", "to": "10086", "text": text} for n in range(count)]
    return json.dumps(items, ensure_ascii=False)


def _names(count: int) -> str:
    return ",".join(f'"{number}":1' for number in range(count))


_READING = {"month": "2026-03", "used_kb": 1, "at": "2026-03-02T09:00:00+08:00"}
_NUMBERS = [f"1390{number:07}" for number in range(10_000)]
REQUESTS = {
    "500 messages": ("/webhooks/generic/inbound", _messages("0000", 500)),
    "500 texts of what NFKC makes longer": ("/webhooks/generic/inbound", _messages("\ufdfa" * 600, 500)),
    "a MiB of it in one text": ("/webhooks/generic/inbound", _messages("\ufdfa" * 340_000, 1)),
    "a MiB of marks": ("/webhooks/generic/inbound", _messages("\u0315\u0300" * 250_000, 1)),
    "a MiB of nothing to see": (
        "/webhooks/generic/inbound",
        _messages("\u200b" * 340_000, 1).replace("10086", "10086999"),
    ),
    "340,000 empty objects": ("/webhooks/generic/inbound", f"[{','.join(['{}'] * 340_000)}]"),
    "90,000 names in a message": ("/webhooks/generic/inbound", f"[{{{_names(90_000)}}}]"),
    "a million brackets": ("/webhooks/generic/inbound", "[" * 1_000_000),
    "1,000 readings": ("/api/v1/usage/data", json.dumps([{**_READING, "msisdn": n} for n in _NUMBERS[:1000]])),
    "1,000 readings that are none": ("/api/v1/usage/data", f"[{','.join(['{}'] * 1_000)}]"),
    "90,000 names in a reading": ("/api/v1/usage/data", f"[{{{_names(90_000)}}}]"),
    "10,000 numbers of a campaign": (
        "/api/v1/campaigns",
        json.dumps({"class": "care", "text": "hi", "msisdns": _NUMBERS}),
    ),
    "90,000 names in a campaign": ("/api/v1/campaigns", f"{{{_names(90_000)}}}"),
    "7,000 names in an order": ("/api/v1/orders", f"{{{_names(7_000)}}}"),
}


async def longest_block(client: httpx.AsyncClient, path: str, body: bytes) -> float:
    """Return the longest processor time, in seconds, for which a request blocked the event loop."""
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        while True:
            began = time.thread_time()
            await asyncio.sleep(0)
            longest = max(longest, time.thread_time() - began)

    watching = asyncio.create_task(watch())
    await asyncio.sleep(0)  # start the watch before the request
    headers = {"Authorization": "Bearer demo", "Content-Type": "application/json"}
    await client.post(path, content=body, headers=headers)
    await asyncio.sleep(0)
    watching.cancel()
    return longest


async def _measure_requests(folder: str) -> dict[str, float]:
    url = f"sqlite:///{folder}/gateway.db"
    database = Database(normalise_url(url))
    database.write_now(migrations.upgrade)
    database.close()
    settings = Settings(_env_file=None, env=Environment.TEST, database_url=url)
    app = create_app(settings)
    app.openapi()  # as `serve` does
    found: dict[str, float] = {}
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client,
    ):
        for name, (path, body) in REQUESTS.items():
            raw = body.encode("utf-8", "surrogatepass")
            found[name] = min([await longest_block(client, path, raw) for _ in range(_TRIES)])
            print(f"  {name:38} {found[name] * 1000:7.1f} ms", flush=True)
    return found


# ---- texts

PIECES = {
    "one sign that is eighteen": "\ufdfa", "marks in the wrong order": "\u0315\u0300\u05ae", "letters": "彩",
    "jamo": "\u1100\u1161\u11a8", "nothing to see": "\u200b", "digits": "1 ", "joints": "1#", "groups": "123456#",
    "groups apart": "123456 ", "stars": "1*", "numbers": "13800138000 ", "keycaps": "1\ufe0f\u20e3", "circles": "①",
    "brackets": "( ", "blanks": " ", "lines": ">a\n", "letters of the command": "X ", "escapes": "␛",
    "surrogates": "\ud800", "emoji": "😀", "zeros": "\uff10", "hyphens": "1-",
}  # fmt: skip
WORK: dict[str, Callable[[str], object]] = {
    "mask": mask,
    "mask a part": lambda text: mask_part(text, first=False, last=False),
    "escape": escape,
    "measure": measure.__wrapped__,
    "read a spam report": number_and_content,
    "mask a log line": masked_text,
}


def _seconds(work: Callable[[str], object], text: str) -> float:
    """Return the processor time in seconds, the best of three tries."""
    best = float("inf")
    for _ in range(_TRIES):
        began = time.thread_time()
        work(text)
        best = min(best, time.thread_time() - began)
    return best


def growth(work: Callable[[str], object], piece: str) -> float:
    """Return how many times longer an eight times longer text takes; 0 if that is negligible."""
    texts = [f"Q{piece * size}"[:size] for size in (_SHORT, _LONG)]
    short, long = (_seconds(work, text) for text in texts)
    return long / short if long >= _NEGLIGIBLE_SECONDS else 0


def _measure_texts() -> dict[str, float]:
    found: dict[str, float] = {}
    for name, work in WORK.items():
        worst = max(PIECES, key=lambda piece: growth(work, PIECES[piece]))
        found[f"{name}: {worst}"] = growth(work, PIECES[worst])
        print(f"  {name:38} {found[f'{name}: {worst}']:7.1f} times, {worst}", flush=True)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the measurement and return the exit status."""
    parser = ArgumentParser(prog="python -m bench.effort", description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--smoke", action="store_true", help="fail where something takes far too long")
    given = parser.parse_args(arguments)
    configure_logging("ERROR")
    print("The event loop's longest pass for a request:")
    with tempfile.TemporaryDirectory(prefix="smsgw-effort-") as folder:
        longest = asyncio.run(_measure_requests(folder))
    print("Eight times as much text takes, at worst (0: too little to measure):")
    grown = _measure_texts()
    slow = [name for name, seconds in longest.items() if seconds > _MAX_SECONDS]
    slow += [name for name, times in grown.items() if times > _MAX_GROWTH]
    for name in slow:
        print(f"Takes far too long: {name}")
    return 1 if given.smoke and slow else 0


if __name__ == "__main__":
    sys.exit(main())
