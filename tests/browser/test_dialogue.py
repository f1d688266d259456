"""Dialogues in a real browser (flows.md 5; http-api.md, pages)."""

import json

import pytest
from playwright.async_api import Route, expect

from tests.browser.phones import Page
from tests.running import ALICE

pytestmark = pytest.mark.anyio


async def test_two_services_are_listed_picked_and_end(page: Page) -> None:
    phone = page.phone()
    await phone.say("0000")
    await phone.has_received(2)
    await expect(phone.received.first).to_contain_text("1、彩铃5元/月；")
    await expect(phone.to).to_have_value("10086977")

    await phone.say("1,3")
    await phone.has_received(3)
    await expect(phone.sent.last.locator(".party")).to_have_text("10086977")
    await expect(phone.received.last).to_contain_text("彩铃已于03月02日退订")
    await expect(phone.received.last).to_contain_text("天气预报(墨迹)已退订")
    states = await page.web.running.states()
    assert {code for code, state in states.items() if state == "ended"} == {"CL", "TQ"}


async def test_a_message_shows_what_an_operator_wants_to_know(page: Page) -> None:
    phone = page.phone()
    await phone.say("0000")
    await phone.has_received(2)
    sent, listing = phone.sent.first, phone.received.first
    await expect(phone.part(".day")).to_have_text("Monday, 2 March 2026")
    await expect(sent.locator("time")).to_have_text("10:00")  # in Asia/Shanghai, whatever the browser's time zone
    await expect(sent.locator(".segments")).to_have_text("1 segment · GSM-7")
    await expect(sent.locator(".status")).to_have_text("✓sent")
    await expect(listing.locator(".who")).to_contain_text("10086977 my services")
    await expect(listing.locator(".segments")).to_have_text("3 segments · UCS-2")
    await expect(listing.locator(".status")).to_have_text("✓✓delivered")
    await expect(listing.locator(".bubble")).to_have_attribute("lang", "zh-CN")


async def test_numbers_of_a_listing_are_collected_by_tapping(page: Page) -> None:
    phone = page.phone()
    await phone.chip("0000").click()
    await phone.has_received(2)
    await expect(phone.part(".chips .pick")).to_have_text(["1 彩铃", "2 手机报", "3 天气预报", "4 来电提醒"])
    for name in ("彩铃", "手机报", "天气预报", "手机报"):
        await phone.chip(name).click()
    await expect(phone.text).to_have_value("1,3")
    await expect(phone.part(".chips [aria-pressed=true]")).to_have_text(["1 彩铃", "3 天气预报"])
    await phone.part(".send").click()
    await phone.has_received(3)
    await expect(phone.received.last).to_contain_text("彩铃已于03月02日退订")


async def test_the_words_of_a_question_are_offered_as_its_answers(page: Page) -> None:
    phone = page.phone()
    await phone.say("0000")
    await phone.has_received(2)
    await phone.chip("全部").click()
    await phone.has_received(3)
    await phone.chip("否").click()
    await phone.has_received(4)
    await expect(phone.sent.last.locator(".party")).to_have_text("10086977")
    assert (await page.web.running.states())["CL"] == "active"


async def test_the_gateway_understands_every_offered_command(page: Page) -> None:
    phone = page.phone()
    offered = await phone.part(".commands b").all_text_contents()
    assert {"0000", "HELP", "帮助"} <= set(offered)
    for text in offered:
        replies = await page.web.running.say(text)
        assert replies, text
        assert not any("未能识别" in reply for reply in replies), text


async def test_a_listing_that_can_no_longer_be_answered_is_not_offered(page: Page) -> None:
    phone = page.phone()
    await phone.say("0000")
    await phone.has_received(2)
    await expect(phone.chip("彩铃")).to_be_visible()
    for _ in range(3):
        await page.button("+1 h").click()
        await expect(page.part("#panel")).to_have_attribute("aria-busy", "false")
    await expect(phone.chip("彩铃")).to_have_count(0)


async def test_what_is_being_written_keeps_its_recipient(page: Page) -> None:
    phone = page.phone()
    await phone.text.fill("TD")
    await page.web.running.say("0000")
    await phone.has_received(2)
    await expect(phone.to).to_have_value("10086")
    await phone.root.get_by_role("button", name="Reply to 10086977").click()
    await expect(phone.to).to_have_value("10086977")
    await expect(phone.text).to_be_focused()


async def test_another_number_can_be_typed(page: Page) -> None:
    phone = page.phone()
    await phone.to.fill("10086999")
    await phone.say("10655123 中奖")
    await phone.has_received(1)
    await expect(phone.sent.first.locator(".party")).to_have_text("10086999")
    await expect(phone.received.first.locator(".who")).to_contain_text("10086999 report spam")


async def test_one_conversation_can_be_shown_alone(page: Page) -> None:
    phone = page.phone()
    await phone.say("HELP")
    await phone.has_received(1)
    await phone.say("0000")
    await phone.has_received(3)
    await phone.part(".parties button").filter(has_text="10086977").click()
    await expect(phone.received).to_have_count(2)
    await expect(phone.sent).to_have_count(0)
    await expect(phone.to).to_have_value("10086977")
    await phone.part(".parties button").filter(has_text="All").click()
    await expect(phone.received).to_have_count(3)


async def test_a_reply_goes_to_the_message_s_own_number(page: Page) -> None:
    phone = page.phone()
    await phone.say("0000")
    await phone.has_received(2)
    await phone.say("HELP")
    await phone.has_received(3)
    await phone.received.first.locator(".reply").click()
    await expect(phone.to).to_have_value("10086977")


async def test_markup_is_text(page: Page) -> None:
    phone = page.phone()
    await phone.say("<img src=x onerror=alert(1)><b>x</b>")
    await expect(phone.sent.first.locator(".bubble")).to_have_text("<img src=x onerror=alert(1)><b>x</b>")
    await phone.has_received(1)
    await expect(phone.part(".bubble img, .bubble b")).to_have_count(0)


async def test_a_refused_text_is_shown_and_can_be_corrected(page: Page) -> None:
    async def refuse(route: Route) -> None:
        problem = {"title": "Content Too Large", "status": 413, "detail": "The body may have at most 64 KiB."}
        await route.fulfill(status=413, content_type="application/problem+json", body=json.dumps(problem))

    phone = page.phone()
    await page.browser.route("**/messages", refuse)
    await phone.say("far too long")
    await expect(phone.sent.locator(".status")).to_contain_text("not sent")
    await expect(phone.part("[role=alert] p")).to_have_text("This text is too long. Send a shorter one.")
    await page.browser.unroute("**/messages")
    await phone.sent.get_by_role("button", name="Edit").click()
    await expect(phone.sent).to_have_count(0)
    await expect(phone.text).to_have_value("far too long")
    await phone.say("HELP")
    await phone.has_received(1)
    await expect(phone.part("[role=alert]")).to_be_hidden()


async def test_failed_delivery_is_shown_in_words(page: Page) -> None:
    await page.web.running.reports("undelivered")
    phone = page.phone()
    await phone.say("HELP")
    await expect(phone.received.locator(".status")).to_have_text("!reported undelivered")


async def test_a_text_sent_elsewhere_appears_by_itself(page: Page) -> None:
    phone = page.phone()
    await page.web.running.say("帮助", sender=ALICE)
    await phone.has_received(1)
    await expect(phone.sent.first).to_contain_text("帮助")
