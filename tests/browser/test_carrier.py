"""The page shows by which carrier each message went, where that is not the simulated network alone."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import BrowserContext, expect

from app.settings import Environment
from app.toys import TOYS
from tests.browser.phones import Page, opened
from tests.running import START, settings_for
from tests.web.calls import Web
from tests.web.sockets import listening

pytestmark = pytest.mark.anyio


@pytest.fixture(params=list(TOYS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def web(kind: str, unused_sqlite_url: str) -> AsyncIterator[Web]:
    """A demo beside a toy carrier."""
    async with listening(settings_for(unused_sqlite_url, Environment.DEMO), carrier=kind) as started:
        await started.running.gateway.simulator.simulation.set_clock(START)
        await started.running.load_customers()
        yield started


async def test_every_message_says_by_which_carrier_it_went(page: Page, kind: str) -> None:
    phone = page.phone()
    await phone.say("0000")
    await phone.has_received(2)
    await phone.say("1,3")
    await phone.has_received(3)
    await expect(phone.received.last).to_contain_text("彩铃已于03月02日退订")
    await expect(phone.part(".carrier:visible")).to_have_text([f"by toy ({kind})"] * 5)
    for message in (phone.sent.first, phone.received.first):
        await expect(message.locator("time")).to_be_hidden()
        await expect(message.locator(".status")).to_be_hidden()
    await expect(phone.received.last.locator(".meta")).to_have_text(f"10:001 segment · UCS-2by toy ({kind})✓✓delivered")
    await page.button("中文").click()
    await expect(page.part(".received .carrier").last).to_have_text(f"经由 toy ({kind})")


async def test_on_a_small_screen_too(context: BrowserContext, web: Web, kind: str) -> None:
    async with opened(context, web) as page:
        await page.browser.set_viewport_size({"width": 320, "height": 640})
        await page.browser.reload()
        phone = page.phone()
        await phone.say("0000")
        await phone.has_received(2)
        await expect(phone.part(".carrier:visible")).to_have_text([f"by toy ({kind})"] * 3)
        assert await page.overflow() <= 0


async def test_one_that_came_by_another_carrier_says_so(page: Page) -> None:
    phone = page.phone()
    await page.web.inbound({"message_id": "m", "from": "13800138000", "to": "10086", "text": "YE"})
    await phone.has_received(1)
    await expect(phone.sent.locator(".carrier")).to_have_text("by generic")


async def test_what_the_toy_refuses_is_said_in_its_words(page: Page, kind: str) -> None:
    phone = page.phone()
    await page.web.running.faults("throttle")
    await phone.say("HELP")
    said = {"smpp": "RTHROTTLED 0x58", "cmpp": "CMPP 8 flow control", "kannel": "HTTP 503"}[kind]
    await expect(phone.ghosts).to_contain_text(f"refused by the network ({said})")
    await page.web.running.faults("ok")
    await page.button("+1 h").click()
    await expect(phone.part(".ghost[data-kind=waits]")).to_have_count(0)
