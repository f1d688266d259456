"""The inspector: what the gateway did with a message, beside the phones or as a sheet (http-api.md, simulator)."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Locator, Route, expect

from tests.browser.conftest import PATIENCE_MS
from tests.browser.phones import Page, opened
from tests.services.trouble import add_trouble
from tests.web.calls import Web

pytestmark = pytest.mark.anyio
_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
STEPS = [
    "Received",
    "Read as",
    "Taken by",
    "Changed",
    "Evidence",
    "Replies",
    "Events to SPs and billing",
    "Timers set now",
]


def inspector(page: Page) -> Locator:
    return page.part("#inspector")


def step(page: Page, name: str) -> Locator:
    return page.part(f"#inspector .step-{name}")


async def inspect(page: Page, text: str) -> None:
    """Press the newest bubble with this text, and wait until its steps are shown."""
    await page.part(".message .bubble").filter(has_text=text).last.click()
    await expect(page.part("#inspector .step").first).to_be_visible()


async def assert_accessible(page: Page) -> None:
    results = await Axe().run(page.browser, options=_RULES)
    assert results.violations_count == 0, results.generate_report()


# ---- what it shows


async def test_a_pick_is_shown_from_its_text_to_its_timers(page: Page) -> None:
    phone = page.phone()
    await phone.say("0000")
    await phone.has_received(2)
    await phone.say("１，2")
    await phone.has_received(3)
    await inspect(page, "１，2")
    await expect(page.part("#inspector h3")).to_have_text(STEPS)
    await expect(step(page, "received")).to_contain_text("2 Mar 2026, 10:00:00 · to 10086977 by simulator")
    await expect(step(page, "read").locator("code")).to_have_text("1,2")
    await expect(step(page, "taken")).to_contain_text("No keyword; it answers the question that 10086977 asked.")
    await expect(step(page, "taken")).to_contain_text("Verdict: unsubscribed")
    await expect(step(page, "changes")).to_contain_text("service 彩铃 CL: active → ended")
    await expect(step(page, "changes")).to_contain_text("service 手机报 SJB: active → ending")
    await expect(step(page, "evidence").locator("code")).to_have_text(["unsubscribe"] * 2)
    await expect(step(page, "replies")).to_contain_text("taken by simulator as sim-")
    await expect(step(page, "replies")).to_contain_text("Now: delivered")
    await expect(step(page, "events")).to_contain_text("subscription.unsubscribed → sp:XINHUA")
    await expect(step(page, "timers")).to_contain_text("31 Mar 2026, 23:59:59: end the service")


async def test_the_facts_of_evidence_unfold_and_stay_so(page: Page) -> None:
    phone = page.phone()
    await phone.say("0000")
    await phone.has_received(2)
    await page.web.running.reports("delivered", delay_seconds=60)
    await phone.say("1")
    await expect(phone.received).to_have_count(3)
    await inspect(page, "立即生效")
    await step(page, "evidence").locator("summary").click()
    await expect(step(page, "evidence").locator("pre")).to_contain_text('"answer": "1"')
    await page.web.running.advance(seconds=60)
    await expect(step(page, "replies")).to_contain_text("report: delivered")  # the steps were made anew
    await expect(step(page, "evidence").locator("pre")).to_be_visible()
    await expect(step(page, "evidence").locator("summary")).to_be_focused()


async def test_attempts_are_shown_as_they_come(page: Page) -> None:
    await page.web.running.faults("throttle", count=1)
    phone = page.phone()
    await phone.say("YE")
    await expect(phone.sent.locator(".status")).to_contain_text("sent")
    await inspect(page, "YE")
    await expect(step(page, "replies")).to_contain_text("attempt 1: refused for now (simulated: throttled)")
    await expect(step(page, "replies")).to_contain_text("next attempt")
    await expect(step(page, "replies")).to_contain_text("Now: queued")
    await page.web.running.advance(minutes=1)
    await expect(step(page, "replies")).to_contain_text("Now: delivered")
    await expect(step(page, "replies").locator(".bad")).to_have_count(1)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("hello", "not understood: help"),
        ("BOOM13712345678PRIVATE", "dead letter"),
    ],
)
async def test_what_was_not_carried_out_says_why(page: Page, text: str, why: str) -> None:
    add_trouble(page.web.running.gateway.turning.registry)
    phone = page.phone()
    await phone.say(text)
    await phone.has_received(1)
    await inspect(page, text)
    await expect(step(page, "taken").locator(".badge")).to_have_text(why)
    await expect(step(page, "taken").locator(".why")).not_to_be_empty()


async def test_texts_that_are_dropped_or_held_back_say_so(page: Page) -> None:
    for _ in range(30):
        await page.web.running.store(page.web.running.message("YE"))
    await page.web.running.drain()
    phone = page.phone()
    for text, why in (("JF", "dropped: rate limit"), ("QXCL", "held back: rate limit")):
        await phone.say(text)
        await expect(phone.sent.last.locator(".status")).to_contain_text("sent")
        await inspect(page, text)
        await expect(step(page, "taken").locator(".badge")).to_have_text(why)
    await expect(step(page, "received")).to_contain_text("Waits until 2 Mar 2026, 10:01:00")


async def test_a_message_that_nobody_asked_for_names_its_cause(page: Page) -> None:
    fee = {
        "charge_id": "c-1", "msisdn": "13800138000", "service_code": "SJB", "kind": "monthly", "amount_fen": 300,
        "due_at": "2026-03-05T12:00:00+08:00",
    }  # fmt: skip
    assert (await page.web.call("POST", "/api/v1/charges", fee)).status_code == 202
    await page.phone().has_received(1)
    await inspect(page, "手机报")
    await expect(step(page, "cause")).to_contain_text("A call of the API with the token demo.")
    await expect(step(page, "timers")).to_contain_text("take the fee")


async def test_passwords_stay_masked(page: Page) -> None:
    phone = page.phone()
    await phone.say("XGMM#654321#112233#112233")
    await phone.has_received(1)
    await inspect(page, "XGMM")
    await expect(step(page, "received")).to_contain_text("XGMM#******#******#******")
    await expect(step(page, "received")).to_contain_text("Passwords are masked")
    assert "654321" not in await inspector(page).inner_text()


async def test_calls_lead_into_the_reference(page: Page) -> None:
    phone = page.phone()
    await phone.say("YE")
    await phone.has_received(1)
    await inspect(page, "YE")
    async with page.browser.context.expect_page() as opening:
        await step(page, "received").get_by_role("link").click()
    reference = await opening.value
    await expect(reference.locator(".opblock.is-open .opblock-summary-path")).to_have_text(
        "/api/v1/messages/{message_id}"
    )
    await reference.close()


async def test_a_change_of_language_changes_everything(page: Page) -> None:
    phone = page.phone()
    await phone.say("0000")
    await phone.has_received(2)
    await phone.say("1")
    await phone.has_received(3)
    await inspect(page, "立即生效")
    await page.button("中文").click()
    await expect(inspector(page)).to_contain_text("不是指令；作为对 10086977 所提问题的答复处理。")
    await expect(step(page, "changes")).to_contain_text("业务 彩铃 CL: 使用中 → 已停止")


# ---- loading, gone, away


async def test_it_says_that_it_is_reading_and_when_there_is_no_answer(page: Page) -> None:
    phone = page.phone()
    await phone.say("YE")
    await phone.has_received(1)
    released = asyncio.Event()

    async def refuse(route: Route) -> None:
        await released.wait()
        await route.abort()

    calls = "**/simulator/handsets/*/messages/*"
    await page.browser.route(calls, refuse)
    await phone.sent.locator(".bubble").click()
    await expect(page.part("#inspector-state")).to_have_text("Reading…")
    released.set()
    await expect(page.part("#inspector-state")).to_have_text("The gateway does not answer; trying again.")
    await assert_accessible(page)
    await page.browser.unroute(calls)
    await expect(page.part("#inspector .step").first).to_be_visible()
    await expect(page.part("#inspector-state")).to_be_hidden()


async def test_a_message_that_is_gone_leaves_a_hint(page: Page) -> None:
    phone = page.phone()
    await phone.say("YE")
    await phone.has_received(1)
    await inspect(page, "YE")
    await page.web.call("POST", "/simulator/reset", {"fixture": "demo"})
    await expect(page.part("#inspector-state")).to_contain_text("This message is gone. Press another one")
    await expect(page.part("#inspector .step")).to_have_count(0)


async def test_texts_are_inserted_as_text(page: Page) -> None:
    phone = page.phone()
    await phone.say("<img src=x onerror=alert(1)>")
    await phone.has_received(1)
    await inspect(page, "<img")
    await expect(step(page, "received").locator("blockquote")).to_have_text("<img src=x onerror=alert(1)>")
    await expect(page.part("#inspector img")).to_have_count(0)


# ---- keyboard and screens


async def test_it_opens_and_closes_by_keyboard_and_gives_the_focus_back(page: Page) -> None:
    phone = page.phone()
    await phone.say("YE")
    await phone.has_received(1)
    bubble = phone.sent.locator(".bubble")
    for key in ("Enter", "Space"):
        await bubble.press(key)
        await expect(page.part("#inspector-title")).to_be_focused()
        await expect(bubble.locator("..")).to_have_class(re.compile(r"\binspected\b"))
        await page.browser.keyboard.press("Escape")
        await expect(inspector(page)).to_be_hidden()
        await expect(bubble).to_be_focused()
        await expect(bubble.locator("..")).not_to_have_class(re.compile(r"\binspected\b"))


async def test_it_is_a_column_beside_the_phones_on_a_wide_screen(page: Page) -> None:
    phone = page.phone()
    await phone.say("YE")
    await phone.has_received(1)
    await inspect(page, "YE")
    beside, here = await inspector(page).bounding_box(), await phone.root.bounding_box()
    assert beside
    assert here
    assert here["x"] + here["width"] <= beside["x"]
    assert beside["x"] + beside["width"] == 1440
    assert await page.overflow() == 0
    await phone.say("JF")  # the phones can be used meanwhile
    await phone.has_received(2)
    await inspect(page, "JF")
    await expect(step(page, "received")).to_contain_text("JF")


@asynccontextmanager
async def screen(browser: Browser, web: Web, width: int, height: int, locale: str, scheme: str) -> AsyncIterator[Page]:
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        locale=locale,
        color_scheme="dark" if scheme == "dark" else "light",
        reduced_motion="reduce",
    )
    context.set_default_timeout(PATIENCE_MS)
    async with opened(context, web) as page:
        yield page
    await context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
@pytest.mark.parametrize(("width", "height"), [(320, 568), (375, 667), (768, 1024), (1280, 800), (1920, 1080)])
async def test_axe_finds_nothing_and_nothing_is_cut(
    browser: Browser, web: Web, width: int, height: int, locale: str, scheme: str
) -> None:
    await web.running.say("0000")
    await web.running.faults("throttle", count=1)
    await web.running.say("1,2", "10086977")
    await web.running.advance(minutes=1)
    async with screen(browser, web, width, height, locale, scheme) as page:
        await inspect(page, "1,2")
        for summary in await page.part("#inspector summary").all():
            await summary.click()
        await assert_accessible(page)
        cut = "one => one.scrollWidth - one.clientWidth"
        assert await inspector(page).evaluate(cut) == 0
        box = await inspector(page).bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        is_sheet = await inspector(page).evaluate("one => one.matches(':modal')")
        assert is_sheet == (width < 1280)
        await page.browser.keyboard.press("Escape")
        await expect(inspector(page)).to_be_hidden()
        await page.part(".transcript").click()
        await expect(page.part("#transcript-copy")).to_be_enabled()
        await assert_accessible(page)


async def test_it_closes_where_it_would_change_its_form(page: Page) -> None:
    await page.web.running.say("YE")
    await inspect(page, "YE")
    await page.browser.set_viewport_size({"width": 800, "height": 800})
    await expect(inspector(page)).to_be_hidden()


async def test_bodies_are_as_the_call_answers_them(page: Page) -> None:
    """The page shows a state, class or kind that it has no words for as it is."""
    await page.web.running.say("YE")

    async def change(route: Route) -> None:
        answer = await route.fetch()
        body = await answer.json()
        body["replies"][0]["class"] = "unheard-of"
        await route.fulfill(response=answer, body=json.dumps(body))

    await page.browser.route("**/simulator/handsets/*/messages/*", change)
    await inspect(page, "YE")
    await expect(step(page, "replies")).to_contain_text("unheard-of")
