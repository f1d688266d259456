"""The details of a message on demand, and quick texts that say what they do."""

import pytest
from playwright.async_api import Locator, expect

from app import __version__
from tests.browser.phones import Page, Phone

pytestmark = pytest.mark.anyio
_LISTEN = "window.selected = []; document.addEventListener('smsgw:select', ({detail}) => selected.push(detail))"


async def _talk(page: Page) -> Phone:
    phone = page.phone()
    await phone.say("0000")
    await phone.has_received(2)
    return phone


def _meta(message: Locator) -> Locator:
    return message.locator(".meta")


async def test_only_the_last_message_shows_its_status(page: Page) -> None:
    phone = await _talk(page)
    await expect(_meta(phone.received.last)).to_be_visible()
    await expect(phone.received.last.locator(".segments")).to_be_hidden()
    await expect(phone.part(".carrier:visible")).to_have_count(0)
    for message in (phone.sent.first, phone.received.first):
        await expect(_meta(message)).to_be_hidden()


async def test_what_was_reported_as_lost_shows_that_always(page: Page) -> None:
    await page.web.running.reports("expired")
    phone = page.phone()
    await phone.say("HELP")
    await expect(phone.received).to_have_count(1)
    await phone.say("YE")
    await expect(phone.received).to_have_count(2)
    await expect(phone.received.first.locator(".status")).to_have_text("!reported expired")
    await expect(_meta(phone.received.first)).to_be_visible()


async def test_a_pressed_message_shows_its_details_and_tells_the_page(page: Page) -> None:
    phone = await _talk(page)
    await page.browser.evaluate(_LISTEN)
    listing = phone.received.first
    await phone.bubble(listing).click()
    await expect(phone.bubble(listing)).to_have_attribute("aria-expanded", "true")
    await expect(_meta(listing)).to_have_text("10:003 segments · UCS-2by simulator✓✓delivered")
    await expect(listing.locator(".segments")).to_be_visible()
    await expect(listing.locator(".carrier")).to_be_visible()
    await phone.bubble(phone.sent.first).click()
    await phone.bubble(listing).click()
    await expect(_meta(listing)).to_be_hidden()
    thread = await page.web.running.thread()
    number = "13800138000"
    assert await page.browser.evaluate("selected") == [
        {"msisdn": number, "id": thread[1].id, "direction": "mt"},
        {"msisdn": number, "id": thread[0].id, "direction": "mo"},
        {"msisdn": number, "id": thread[1].id, "direction": "mt"},
    ]
    assert [await one.get_attribute("data-id") for one in await phone.part(".message").all()] == [
        one.id for one in thread
    ]


async def test_on_a_small_screen_a_pressed_message_opens_the_sheet_alone(page: Page) -> None:
    await page.browser.set_viewport_size({"width": 390, "height": 844})
    await page.browser.reload()
    phone = await _talk(page)
    listing = phone.received.first
    await expect(phone.bubble(listing)).to_have_attribute("aria-haspopup", "dialog")
    await phone.bubble(listing).click()
    await expect(page.part("#inspector")).to_be_visible()
    await page.browser.keyboard.press("Escape")
    await expect(_meta(listing)).to_be_hidden()


async def test_text_can_be_selected_without_opening_details(page: Page) -> None:
    phone = await _talk(page)
    await phone.bubble(phone.received.last).dblclick(position={"x": 40, "y": 20})
    assert await page.browser.evaluate("getSelection().toString().length > 0")


async def test_messages_are_one_tab_stop_and_pressed_by_keys(page: Page) -> None:
    phone = await _talk(page)
    await phone.part(".thread").focus()
    keyboard = page.browser.keyboard
    for _ in range(3):  # two buttons to reply, then the newest bubble
        await keyboard.press("Tab")
        if await page.browser.evaluate("document.activeElement.classList.contains('bubble')"):
            break
    await expect(phone.bubble(phone.received.last)).to_be_focused()
    await keyboard.press("ArrowUp")
    await keyboard.press("ArrowUp")
    await expect(phone.bubble(phone.sent.first)).to_be_focused()
    await keyboard.press("Enter")
    await expect(_meta(phone.sent.first)).to_be_visible()
    await keyboard.press("Escape")  # the inspector; the focus goes back
    await expect(phone.bubble(phone.sent.first)).to_be_focused()
    await keyboard.press("End")
    await keyboard.press(" ")
    await expect(phone.bubble(phone.received.last)).to_have_attribute("aria-expanded", "true")
    await expect(phone.part(".bubble[tabindex='0']")).to_have_count(1)


async def test_the_details_of_all_messages_are_switched_on_and_remembered(page: Page) -> None:
    phone = await _talk(page)
    await page.browser.get_by_label("Details of every message").check()
    await expect(phone.part(".segments:visible")).to_have_count(3)
    await page.browser.reload()
    await expect(phone.part(".segments:visible")).to_have_count(3)
    await page.browser.get_by_label("Details of every message").uncheck()
    await expect(phone.part(".segments:visible")).to_have_count(0)


async def test_the_time_is_shown_after_a_while_without_messages(page: Page) -> None:
    phone = await _talk(page)
    await page.web.running.advance(minutes=20)
    await phone.say("HELP")
    await phone.has_received(3)
    await expect(phone.part(".day")).to_have_text(["Monday, 2 March 2026", "10:20"])


# ---- quick texts


async def test_commands_have_names(page: Page) -> None:
    commands = page.phone().part(".command")
    await expect(commands.nth(0)).to_have_text("My services 0000")
    await expect(commands.filter(has_text="YE").first).to_have_accessible_name("Balance YE")
    await page.button("中文").click()
    await expect(page.part(".command").filter(has_text="YE").first).to_have_text("余额 YE")


async def test_all_commands_are_shown_in_whole_rows(page: Page) -> None:
    phone = page.phone()
    await phone.part(".more").click()
    await expect(phone.part(".more")).to_have_attribute("aria-expanded", "true")
    help_ = phone.part(".command[data-text=HELP]")
    await expect(help_).to_be_in_viewport(ratio=1)
    await help_.click()
    await phone.has_received(1)


async def test_picks_that_were_carried_out_come_last_and_stand_back(page: Page) -> None:
    phone = await _talk(page)
    await phone.say("1,3")
    await phone.has_received(3)
    await expect(phone.part(".pick")).to_have_text(["2 手机报", "4 来电提醒", "1 彩铃", "3 天气预报"])
    await expect(phone.part(".pick.done")).to_have_text(["1 彩铃", "3 天气预报"])
    await phone.say("2-4")
    await phone.has_received(4)
    await expect(phone.part(".pick.done")).to_have_count(4)


async def test_a_new_listing_offers_its_own_picks(page: Page) -> None:
    phone = await _talk(page)
    await phone.say("1")
    await phone.has_received(3)
    await phone.to.fill("10086")
    await phone.say("0000")
    await phone.has_received(5)
    await expect(phone.part(".pick")).to_have_text(["1 手机报", "2 天气预报", "3 来电提醒"])
    await expect(phone.part(".pick.done")).to_have_count(0)


async def test_a_time_before_a_word_is_no_pick(page: Page) -> None:
    await page.web.running.subscriber("+8613900139000", language="en", payment="postpaid")
    await page.show("13900139000")
    phone = page.phone("13900139000")
    await phone.say("YE")
    await phone.has_received(1)
    await expect(phone.received).to_contain_text("10:00 your account balance is CNY0; this")
    await expect(phone.part(".answers button")).to_have_count(0)


# ---- where to read on


async def test_the_page_leads_to_the_reference_and_tells_its_version(page: Page) -> None:
    await expect(page.browser.get_by_role("link", name="API reference")).to_have_attribute("href", "/docs")
    await expect(page.part("#version")).to_have_text(f"Version {__version__}")
    await expect(page.part(".links")).to_contain_text("README.md")
    order = await page.part("#panel > *").evaluate_all("all => all.map((one) => one.className.split(' ')[0])")
    assert order[1] == "guide"
    assert order[-1] == "links"
