"""Accessibility: keyboard, screen readers, light and dark, both languages."""

import pytest
from playwright.async_api import expect

from tests.browser.phones import Page

pytestmark = pytest.mark.anyio


async def _tab_to(page: Page, selector: str) -> None:
    """Press Tab until an element has the focus; fail if it is never reached."""
    wanted = page.part(selector)
    for _ in range(60):
        await page.browser.keyboard.press("Tab")
        if await wanted.evaluate("one => one === document.activeElement"):
            return
    pytest.fail(f"{selector} is not reached by Tab")


# ---- keyboard


async def test_a_dialogue_by_keyboard_alone(page: Page) -> None:
    keyboard, phone = page.browser.keyboard, page.phone()
    await keyboard.press("Tab")
    await expect(page.part("#skip-text")).to_be_focused()
    await keyboard.press("Enter")
    await expect(phone.text).to_be_focused()
    await keyboard.type("0000")
    await keyboard.press("Enter")
    await phone.has_received(2)
    await keyboard.type("1,3")
    await keyboard.press("Enter")
    await phone.has_received(3)
    await expect(phone.received.last).to_contain_text("已退订")
    await expect(phone.text).to_be_focused()


async def test_every_control_is_reached_in_the_order_of_reading(page: Page) -> None:
    for selector in (
        "#handset-add",
        "[data-send='0000']",
        "#clock-toggle",
        "#clock-day-field",
        "#clock-time-field",
        "#fault-mode",
        "#theme",
        "#reset-open",
        ".links a",
        ".renumber",
        ".thread",
        ".to",
        ".text",
    ):
        await _tab_to(page, selector)


async def test_answers_are_one_tab_stop_and_arrow_keys_move_between_them(page: Page) -> None:
    phone = page.phone()
    await phone.say("0000")
    await phone.has_received(2)
    await phone.chip("彩铃").focus()
    await page.browser.keyboard.press("ArrowRight")
    await page.browser.keyboard.press("ArrowRight")
    await expect(phone.chip("天气预报")).to_be_focused()
    await page.browser.keyboard.press("Home")
    await expect(phone.chip("彩铃")).to_be_focused()
    await page.browser.keyboard.press("End")
    await page.browser.keyboard.press("ArrowRight")
    await expect(phone.chip("彩铃")).to_be_focused()
    await page.browser.keyboard.press("Tab")
    await expect(phone.part(".more")).to_be_focused()
    await page.browser.keyboard.press("ArrowRight")
    await expect(phone.chip("0000")).to_be_focused()
    await page.browser.keyboard.press("Tab")
    await expect(phone.to).to_be_focused()


async def test_a_chip_pressed_keeps_the_focus_among_the_chips(page: Page) -> None:
    phone = page.phone()
    await phone.chip("0000").press("Enter")
    await phone.has_received(2)
    await expect(phone.chip("0000")).to_be_focused()


async def test_the_arrow_up_brings_back_what_was_sent(page: Page) -> None:
    keyboard, phone = page.browser.keyboard, page.phone()
    for count, text in enumerate(("HELP", "帮助"), 1):
        await phone.say(text)
        await phone.has_received(count)
    await phone.text.fill("new")
    for key, text in (
        ("ArrowUp", "帮助"),
        ("ArrowUp", "HELP"),
        ("ArrowUp", "HELP"),
        ("ArrowDown", "帮助"),
        ("ArrowDown", "new"),
    ):
        await keyboard.press(key)
        await expect(phone.text).to_have_value(text)


async def test_shift_and_enter_starts_a_new_line(page: Page) -> None:
    phone = page.phone()
    await phone.text.focus()
    await page.browser.keyboard.type("TS one")
    await page.browser.keyboard.press("Shift+Enter")
    await page.browser.keyboard.type("two")
    await expect(phone.text).to_have_value("TS one\ntwo")
    await expect(phone.sent).to_have_count(0)
    await page.browser.keyboard.press("ArrowUp")
    await expect(phone.text).to_have_value("TS one\ntwo")  # the arrow key moves within the text


# ---- screen readers


async def test_new_messages_are_read_out_and_old_ones_are_not(page: Page) -> None:
    await page.web.running.say("HELP")
    await page.browser.reload()
    phone = page.phone()
    await phone.has_received(1)
    log = page.browser.get_by_role("log", name="Messages of +8613800138000")
    await expect(log).to_have_attribute("aria-live", "polite")
    await expect(log.get_by_role("listitem")).to_have_count(3)  # a date, a sent message, a received message


# ---- light and language


async def test_light_and_dark_follow_the_system_and_can_be_chosen(page: Page) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    light = await page.browser.evaluate(background)
    await page.browser.emulate_media(color_scheme="dark")
    dark = await page.browser.evaluate(background)
    assert light != dark

    theme = page.part("#theme")
    await theme.click()
    await expect(theme).to_have_accessible_name("Light")
    assert await page.browser.evaluate(background) == light
    await theme.click()
    await expect(theme).to_have_accessible_name("Dark")
    await page.browser.emulate_media(color_scheme="light")
    assert await page.browser.evaluate(background) == dark
    await page.browser.reload()
    assert await page.browser.evaluate(background) == dark


async def test_the_language_changes_at_once_and_is_remembered(page: Page) -> None:
    phone = page.phone()
    await phone.say("HELP")
    await phone.has_received(1)
    await phone.text.fill("half a text")
    await page.button("中文").click()
    await expect(page.part(".received .status")).to_have_text("✓✓已送达")
    await expect(page.part(".day")).to_have_text("2026年3月2日星期一")
    await expect(page.part(".text")).to_have_value("half a text")
    await expect(page.part(".count")).to_have_text("1 条 · GSM-7 · 还可输入 149")
    await page.browser.reload()
    await expect(page.part("#clock-title")).to_have_text("网关时间")
    await page.button("English").click()
    await expect(page.part("#clock-title")).to_have_text("Gateway time")
