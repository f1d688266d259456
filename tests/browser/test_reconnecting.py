"""The page after a restart or reset of the gateway: nothing is lost or shown twice."""

import pytest
from playwright.async_api import BrowserContext, expect

from app.settings import Settings
from tests.browser.phones import opened
from tests.running import ALICE
from tests.web.sockets import listening

pytestmark = pytest.mark.anyio


async def test_the_page_continues_after_the_last_message(context: BrowserContext, settings: Settings) -> None:
    async with listening(settings) as web:
        port = web.client.base_url.port
        assert port is not None
        await web.running.say("HELP")
        opening = opened(context, web)
        page = await opening.__aenter__()
        phone = page.phone()
        await phone.has_received(1)

    await expect(phone.part(".away")).to_contain_text("The gateway does not answer.")
    await expect(phone.part(".connection")).to_have_text("no answer")
    await phone.say("0000")
    await expect(phone.sent.last.locator(".status")).to_have_text("◷queued")

    async with listening(settings, port) as web:
        await web.running.say("帮助", sender=ALICE)
        await phone.has_received(4)
        await expect(phone.part(".away")).to_be_hidden()
        await expect(phone.sent).to_have_count(3)
        await expect(phone.part(".draft")).to_have_count(0)
        assert [message.text for message in await web.running.thread() if message.direction == "mo"].count("0000") == 1
        await opening.__aexit__(None, None, None)


async def test_a_reset_from_elsewhere_empties_the_phone(context: BrowserContext, settings: Settings) -> None:
    async with listening(settings) as web, opened(context, web) as page:
        phone = page.phone()
        await phone.say("HELP")
        await phone.has_received(1)
        await web.call("POST", "/simulator/reset", {"fixture": "demo"})
        await web.running.say("0000")
        await page.browser.evaluate(
            "dispatchEvent(new Event('online'))"
        )  # makes the page check now instead of in ten seconds
        await phone.has_received(2)
        await expect(phone.sent).to_have_count(1)
        await expect(phone.received.first).to_contain_text("彩铃")
