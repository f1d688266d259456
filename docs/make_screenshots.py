# ruff: noqa: INP001  a script beside what it writes, not part of a package
"""Generates docs/images/handset*.png: screenshots of people of the demo, as `make run` has them, taken by Chromium.

Run it from the project's folder: ``python -m docs.make_screenshots``. It needs the packages of the tests and the system
packages chromium, fonts-noto-cjk and pngquant, which makes the images a third as large.
"""

import asyncio
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Literal

from playwright.async_api import Browser, BrowserContext, async_playwright, expect

from app.db import migrations
from app.db.session import Database, normalise_url
from tests.browser.phones import Page, opened
from tests.running import START, running, settings_for
from tests.web.calls import Web
from tests.web.sockets import listening

IMAGES = Path(__file__).with_name("images")
# With five services, with nine, and with texts in English.
ALICES, BOBS, CAROLS = "13800138000", "15000150000", "15800158000"
PHONE, DESKTOP = (412, 915), (1440, 900)
Light = Literal["light", "dark"]


def _program(*names: str) -> str:
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        sys.exit(f"There is no {names[0]} on this machine: install the packages chromium, fonts-noto-cjk and pngquant.")
    return found


async def _context(browser: Browser, size: tuple[int, int], light: Light, scale: float) -> BrowserContext:
    return await browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        device_scale_factor=scale,
        color_scheme=light,
        locale="en-GB",
        reduced_motion="reduce",
        has_touch=size == PHONE,
        is_mobile=size == PHONE,
    )


async def _conversations(page: Page) -> None:
    alice, bob, carol = page.phone(ALICES), page.phone(BOBS), page.phone(CAROLS)
    await alice.say("0000")
    await alice.has_received(2)
    await alice.say("1,3")
    await alice.has_received(3)
    await bob.say("0000")
    await bob.has_received(2)
    await bob.say("6,7")
    await bob.has_received(3)
    await carol.say("HELP")
    await carol.has_received(1)
    await carol.say("0000")
    await carol.has_received(2)
    await carol.say("1?")
    await carol.has_received(3)
    await alice.chip("手机报").click()


async def _screenshot(page: Page, name: str) -> None:
    await page.browser.evaluate("document.fonts.ready")
    path = IMAGES / name
    await page.browser.screenshot(path=path, animations="disabled")
    quantise = await asyncio.create_subprocess_exec(
        _program("pngquant"), "--force", "--strip", "--output", str(path), "200", str(path)
    )
    if await quantise.wait() != 0:
        sys.exit(f"pngquant could not make {path} smaller.")


async def _take_all(browser: Browser, web: Web) -> None:
    context = await _context(browser, DESKTOP, "light", 1)
    async with opened(context, web) as page:
        await page.show(ALICES, BOBS, CAROLS)
        await _conversations(page)
        await _screenshot(page, "handset-desktop.png")
        await page.browser.emulate_media(color_scheme="dark")
        await _screenshot(page, "handset-dark.png")
    await context.close()
    context = await _context(browser, PHONE, "light", 2)
    async with opened(context, web) as page:
        await expect(page.phone(ALICES).received).to_have_count(3)
        await _screenshot(page, "handset.png")
    await context.close()


async def _main() -> None:
    program = _program("chromium", "chromium-browser", "google-chrome")
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/gateway.db"
        database = Database(normalise_url(url))
        database.write_now(migrations.upgrade)
        database.close()
        async with running(settings_for(url)) as started:
            await started.gateway.simulator.simulation.set_clock(START)
            await started.gateway.simulator.fixtures.load("demo")
        async with listening(settings_for(url)) as web, async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
            await _take_all(browser, web)
            await browser.close()


if __name__ == "__main__":
    asyncio.run(_main())
