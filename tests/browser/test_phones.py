"""Several phones on one page, and the page on a small screen."""

import pytest
from playwright.async_api import BrowserContext, expect

from tests.browser.phones import Page
from tests.running import BOB

pytestmark = pytest.mark.anyio
ALICES, BOBS, CAROLS, DAVES = "13800138000", "13900139000", "13700137000", "13600136000"


async def test_phones_side_by_side_have_their_own_threads(page: Page) -> None:
    await page.show(ALICES, BOBS)
    alice, bob = page.phone(ALICES), page.phone(BOBS)
    await alice.say("0000")
    await bob.say("HELP")
    await alice.has_received(2)
    await bob.has_received(1)
    await expect(alice.received.first).to_contain_text("神州行客户")
    await expect(bob.received.first).to_contain_text("您可发送以下指令")
    await expect(alice.to).to_have_value("10086977")
    await expect(bob.to).to_have_value("10086")
    await expect(page.part(".phone-time")).to_have_text(["10:00", "10:00"])
    left, right = await alice.root.bounding_box(), await bob.root.bounding_box()
    assert left is not None
    assert right is not None
    assert left["x"] + left["width"] <= right["x"]
    assert await page.overflow() == 0


async def test_phones_are_added_changed_and_taken_away(page: Page) -> None:
    await page.button("Add a phone").click()
    await page.part("#number-entry").fill("+86 139-0013-9000")
    await page.button("Use").click()
    await page.is_live(2)
    await expect(page.phone(BOBS).text).to_be_focused()

    await page.phone(BOBS).root.get_by_role("button", name="Change the number").click()
    await page.part("#number-entry").fill(CAROLS)
    await page.button("Use").click()
    await page.is_live(2)
    await expect(page.phone(BOBS).root).to_have_count(0)
    await expect(page.browser).to_have_url(f"{page.address}#{ALICES},{CAROLS}")

    await page.button(f"Take phone +86{ALICES} away").click()
    await expect(page.phones).to_have_count(1)
    await expect(page.phone(CAROLS).text).to_be_focused()
    await expect(page.button(f"Take phone +86{CAROLS} away")).to_be_hidden()


async def test_unsent_text_survives_another_phone(page: Page) -> None:
    await page.phone().text.fill("half a text")
    await page.button("Add a phone").click()
    await page.part("#known-numbers button").filter(has_text=f"+86{BOBS}").click()
    await page.is_live(2)
    await expect(page.phone().text).to_have_value("half a text")


async def test_a_page_holds_four_phones_at_the_most(page: Page) -> None:
    await page.browser.goto(f"{page.address}#{ALICES},{BOBS},{CAROLS},{DAVES},13500135000")
    await page.is_live(4)
    await expect(page.button("Add a phone")).to_be_disabled()
    await expect(page.part("#add-note")).to_have_text("At most 4 phones on one page")
    await expect(page.button("Add a phone")).to_have_accessible_description("At most 4 phones on one page")
    await page.phone(DAVES).say("HELP")
    await page.phone(DAVES).has_received(1)


async def test_phones_are_remembered_and_shared_by_the_address(page: Page, context: BrowserContext) -> None:
    await page.show(BOBS, CAROLS)
    other = await context.new_page()
    await other.goto(page.address)
    await expect(other.locator(".number")).to_have_text([f"+86{BOBS}", f"+86{CAROLS}"])
    await expect(other).to_have_url(f"{page.address}#{BOBS},{CAROLS}")
    await other.close()


async def test_an_invalid_address_shows_the_demo_s_phone(page: Page) -> None:
    await page.browser.goto(f"{page.address}#%zz<script>")
    await page.is_live()
    await expect(page.phone(ALICES).root).to_be_visible()


@pytest.mark.parametrize("width", [320, 375])
async def test_on_a_phone_one_phone_fills_the_screen(page: Page, width: int) -> None:
    await page.browser.set_viewport_size({"width": width, "height": 667})
    await page.show(ALICES, BOBS)
    alice = page.phone(ALICES)
    await alice.say("0000")
    await alice.has_received(2)
    await expect(page.phone(BOBS).root).to_be_hidden()
    box = await alice.root.bounding_box()
    assert box is not None
    assert (box["x"], box["width"]) == (0, width)
    assert await page.overflow() == 0
    await expect(alice.text).to_be_in_viewport(ratio=1)
    await expect(alice.part(".send")).to_be_in_viewport(ratio=1)


async def test_on_a_phone_tabs_switch_to_the_others(page: Page) -> None:
    await page.browser.set_viewport_size({"width": 375, "height": 667})
    await page.show(ALICES, BOBS)
    await page.web.running.say("HELP", sender=BOB)
    tab = page.part("#tabs").get_by_role("button", name=f"+86{BOBS}, new messages")
    await tab.click()
    await page.phone(BOBS).has_received(1)
    await expect(page.phone(ALICES).root).to_be_hidden()
    await expect(page.part("#tabs [aria-current=true]")).to_have_text(f"+86{BOBS}")
    await expect(page.part("#tabs .unread")).to_have_count(0)
