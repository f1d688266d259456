"""The dialog for the number of a phone, and numbers that are none."""

import json

import pytest
from playwright.async_api import Route, expect

from tests.browser.phones import Page

pytestmark = pytest.mark.anyio
_WORDS = "is not a mobile number. Write it like 13900139000, or with + and the country code."


async def test_the_dialog_says_what_it_is_for(page: Page) -> None:
    await page.button("Add a phone").click()
    await expect(page.browser.get_by_role("dialog", name="Add a phone")).to_be_visible()
    await expect(page.browser.get_by_label("Mobile number")).to_be_focused()
    await page.button("Cancel").click()
    await page.button("Change the number").click()
    await expect(page.browser.get_by_role("dialog", name="Change the number")).to_be_visible()


@pytest.mark.parametrize("given", ["12345", "10086", "nobody", "01088888888", "1380013800"])
async def test_a_number_that_is_no_mobile_number_is_refused(page: Page, given: str) -> None:
    await page.button("Add a phone").click()
    await page.part("#number-entry").fill(given)
    await page.button("Use").click()
    await expect(page.part("#number-problem")).to_have_text(f"“{given}” {_WORDS}")
    await expect(page.part("#number-entry")).to_be_focused()
    await expect(page.phones).to_have_count(1)
    await page.part("#number-entry").fill("13900139000")
    await expect(page.part("#number-problem")).to_be_hidden()
    await page.button("Use").click()
    await page.is_live(2)


async def test_a_number_of_another_country_is_taken(page: Page) -> None:
    await page.button("Add a phone").click()
    await page.part("#number-entry").fill("+852 5123 4567")
    await page.button("Use").click()
    await page.is_live(2)
    await expect(page.part(".number")).to_have_text(["+8613800138000", "+85251234567"])


async def test_a_phone_of_an_address_with_an_impossible_number_says_so(page: Page) -> None:
    await page.browser.goto(f"{page.address}#12345")
    phone = page.phones.first
    await expect(phone.locator(".connection")).to_have_text("stopped")
    await expect(phone.locator("[role=alert] p")).to_have_text(f"“12345” {_WORDS}")


async def test_numbers_are_suggested_with_what_can_be_tried(page: Page) -> None:
    people = [
        {"msisdn": "+8613800138000", "try": {"en": "five services", "zh": "五项业务"}},
        {"msisdn": "+8613700137000", "try": {"en": "nine services over two pages", "zh": "九项业务，分两页"}},
    ]

    async def answer(route: Route) -> None:
        await route.fulfill(content_type="application/json", body=json.dumps({"people": people}))

    await page.browser.route("**/simulator/people", answer)
    await page.web.running.say("HELP", sender="+8613600136000")
    await page.button("Add a phone").click()
    await expect(page.part("#known-numbers button")).to_have_text(
        ["+8613700137000nine services over two pages", "+8613600136000"]
    )
    await page.button("Cancel").click()
    await page.button("中文").click()
    await page.button("添加手机").click()
    await expect(page.part("#known-numbers span")).to_have_text(["九项业务，分两页"])
    await page.part("#known-numbers button").first.click()
    await page.is_live(2)
