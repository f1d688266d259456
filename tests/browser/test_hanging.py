"""A gateway that hangs, and a connection that is cut: the page says so within five seconds, and keeps what is sent."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, Route, expect

from tests.browser.phones import Page, Phone
from tests.crash.process import gateway_process

pytestmark = pytest.mark.anyio
# Longer than the page waits for a heartbeat, by the browser's clock.
_SILENCE_MS = 5_000


@asynccontextmanager
async def _process(context: BrowserContext, folder: Path) -> AsyncIterator[tuple[Phone, int]]:
    """Yield a phone on a page of a gateway in a process of its own, with the process's id."""
    with gateway_process(folder / "gateway.db") as process:
        browser = await context.new_page()
        await browser.clock.install()
        await browser.goto(f"{process.base}/handset")
        phone = Phone(browser.locator(".phone"))
        await expect(phone.part(".connection")).to_have_text("live")
        yield phone, process.running.pid
        await browser.close()


async def test_a_gateway_that_hangs_is_noticed_within_five_seconds(context: BrowserContext, tmp_path: Path) -> None:
    async with _process(context, tmp_path) as (phone, pid):
        os.kill(pid, signal.SIGSTOP)
        try:
            await phone.root.page.clock.fast_forward(_SILENCE_MS)
            await expect(phone.part(".connection")).to_have_text("no answer")
            await expect(phone.part(".away")).to_contain_text("The gateway does not answer.")
            await phone.say("HELP")
            await expect(phone.sent.locator(".status")).to_have_text("◷queued")
        finally:
            os.kill(pid, signal.SIGCONT)
        await expect(phone.received).to_have_count(1)
        await expect(phone.part(".away")).to_be_hidden()
        await expect(phone.sent).to_have_count(1)
        await expect(phone.part(".draft")).to_have_count(0)


async def test_a_gateway_that_is_only_quiet_stays_connected(page: Page) -> None:
    phone = page.phone()
    await page.browser.evaluate(
        "window.states = []; new MutationObserver(() => states.push(document.querySelector('.connection').dataset.state))"
        ".observe(document.querySelector('.connection'), {attributes: true})"
    )
    await asyncio.sleep(_SILENCE_MS / 1000 + 1)  # the silence itself is what is tested
    assert await page.browser.evaluate("window.states") == []
    await expect(phone.part(".connection")).to_have_text("live")


async def test_a_browser_that_is_offline_says_so_and_sends_later(page: Page, context: BrowserContext) -> None:
    phone = page.phone()
    await context.set_offline(True)
    await expect(phone.part(".away")).to_be_visible()
    await phone.say("HELP")
    await expect(phone.sent.locator(".status")).to_have_text("◷queued")
    await context.set_offline(False)
    await phone.has_received(1)
    await expect(phone.part(".away")).to_be_hidden()
    await expect(phone.sent).to_have_count(1)


async def test_a_text_that_gets_no_answer_is_sent_again(page: Page) -> None:
    async def hang(_route: Route) -> None:
        """Answer nothing."""

    phone = page.phone()
    await page.browser.route("**/messages", hang)
    await phone.say("HELP")
    await expect(phone.part(".away")).to_be_visible()
    await page.browser.unroute("**/messages")
    await phone.has_received(1)
    await expect(phone.sent).to_have_count(1)
    assert len([one for one in await page.web.running.thread() if one.direction == "mo"]) == 1
