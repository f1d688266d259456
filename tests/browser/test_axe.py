"""axe finds nothing wrong with the page in any of its states (WCAG 2.2 AA and best practices)."""

from typing import Literal

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, expect

from tests.browser.conftest import PATIENCE_MS
from tests.browser.phones import Page, Phone, opened
from tests.web.calls import Web

pytestmark = pytest.mark.anyio
_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


async def _assert_accessible(page: Page, state: str) -> None:
    results = await Axe().run(page.browser, options=_RULES)
    assert results.violations_count == 0, f"{state}: {results.generate_report()}"


async def _in_the_dialogue(page: Page, phone: Phone) -> None:
    await _assert_accessible(page, "empty")
    await phone.part(".begin").click()
    await phone.has_received(2)
    await phone.bubble(phone.received.last).click()
    await page.browser.keyboard.press("Escape")  # the inspector, which is looked at elsewhere
    await page.web.running.say("1,3", "10086977")
    await expect(phone.part(".pick.done")).to_have_count(2)
    await _assert_accessible(page, "a thread, details, picks that were carried out")


async def _with_faults(page: Page, phone: Phone) -> None:
    running = page.web.running
    await running.faults("timeout")
    await running.store(running.message("YE"))
    await expect(phone.part(".note:visible")).to_have_count(1)
    await running.store(running.message("YE"))
    await expect(phone.ghosts).to_have_count(1)
    await _assert_accessible(page, "a lost answer, and what waits behind it")
    await running.faults("reject")
    await running.advance(minutes=1)
    await expect(phone.part(".ghost[data-kind=over]")).to_have_count(1)
    await _assert_accessible(page, "replies that were given up")
    await running.faults("ok")
    await running.reports("undelivered")
    await running.say("YE")
    await expect(phone.part(".received[data-kind=bad]")).to_have_count(2)
    await _assert_accessible(page, "reported as undelivered")


async def _in_the_controls(page: Page) -> None:
    is_sheet = await page.part("#panel-open").is_visible()
    if is_sheet:
        await page.part("#panel-open").click()
    await page.part("#clock-day-field").fill("2026-03-01")
    await page.part("#clock-set button").click()
    await expect(page.part("#panel-problem")).to_be_visible()
    await page.part("#details").check()
    await _assert_accessible(page, "the controls with a problem")
    if is_sheet:
        await page.part("#panel-close").click()
    await _assert_accessible(page, "details of all messages")


async def _in_the_dialogs(page: Page) -> None:
    await page.part("#handset-add").click()
    await page.part("#number-entry").fill("12345")
    await page.part("#number-form button").click()
    await expect(page.part("#number-problem")).to_be_visible()
    await _assert_accessible(page, "the number dialog with a problem")
    await page.browser.keyboard.press("Escape")
    await page.part("#reset-open").evaluate("(button) => button.click()")
    await _assert_accessible(page, "the reset dialog")
    await page.browser.keyboard.press("Escape")


async def _offline(page: Page, phone: Phone) -> None:
    await page.browser.context.set_offline(True)
    await expect(phone.part(".away")).to_be_visible()
    await phone.part(".text").fill("HELP")
    await phone.part(".text").press("Enter")
    await expect(phone.part(".draft")).to_have_count(1)
    await _assert_accessible(page, "offline, with a text that waits")


@pytest.mark.parametrize(
    ("width", "height", "scheme", "language"),
    [
        (1440, 900, "light", "en-GB"),
        (1440, 900, "dark", "zh-CN"),
        (375, 667, "light", "zh-CN"),
        (375, 667, "dark", "en-GB"),
        (844, 390, "dark", "zh-CN"),
        (320, 256, "light", "en-GB"),
    ],
)
async def test_axe_finds_no_violation(
    browser: Browser, web: Web, width: int, height: int, scheme: Literal["light", "dark"], language: str
) -> None:
    context = await browser.new_context(
        viewport={"width": width, "height": height}, locale=language, color_scheme=scheme, reduced_motion="reduce"
    )
    context.set_default_timeout(PATIENCE_MS)
    async with opened(context, web) as page:
        await expect(page.part("html")).to_have_attribute("lang", language[:2] if language[:2] == "en" else language)
        phone = Phone(page.phones.first)
        await _in_the_dialogue(page, phone)
        await _with_faults(page, phone)
        await _in_the_controls(page)
        await _in_the_dialogs(page)
        await _offline(page, phone)
    await context.close()


async def test_axe_finds_no_violation_with_four_phones(page: Page) -> None:
    await page.show("13800138000", "13900139000", "13700137000", "13600136000")
    await _assert_accessible(page, "four phones, tabs, no more to add")
