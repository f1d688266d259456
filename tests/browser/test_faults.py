"""What goes wrong in the network shows on the phone: what waits, why, until when, and what was given up."""

import itertools
import re

import pytest
from playwright.async_api import expect

from app.services.delivery import attempts
from tests.browser.phones import Page

pytestmark = pytest.mark.anyio
_FAILURES_TO_OPEN = 10
# Collects each number of seconds that a line shows.
_NOTE_SECONDS = """() => {
  window.seconds = [];
  new MutationObserver(() => {
    const found = /next try in (\\d+) s$/.exec(document.querySelector(".ghost")?.textContent ?? "");
    if (found && seconds.at(-1) !== Number(found[1])) seconds.push(Number(found[1]));
  }).observe(document.querySelector(".messages"), { childList: true, subtree: true, characterData: true });
}"""


@pytest.fixture(autouse=True)
def _longest_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the pauses between attempts the longest of their ranges: 4, 8, 16 seconds …"""
    monkeypatch.setattr(attempts, "jitter", lambda: 1.0)


async def test_a_refused_reply_says_when_it_is_tried_again(page: Page) -> None:
    phone = page.phone()
    await page.web.running.faults("throttle")
    await phone.say("帮助")
    await expect(phone.ghosts).to_have_text(
        ["Reply from 10086: refused by the network: too many, next try in 4 s of the frozen clock"]
    )
    await page.web.running.advance(seconds=1)
    await expect(phone.ghosts).to_contain_text(["next try in 3 s"])
    await page.web.running.advance(seconds=3)
    await expect(phone.ghosts).to_contain_text(["next try in 8 s"])
    await page.button("中文").click()
    await expect(page.part(".ghost")).to_have_text(["10086 的回复：被网络拒绝：限流，8 秒后重试（时钟已暂停）"])
    await page.button("English").click()
    await page.web.running.faults("ok")
    await page.web.running.advance(seconds=8)
    await phone.has_received(1)
    await expect(phone.ghosts).to_have_count(0)


async def test_the_countdown_runs_with_the_gateway_s_clock(page: Page) -> None:
    await page.web.call("POST", "/simulator/reset", {"fixture": "demo"})
    await expect(page.part("#clock-state")).to_have_text("running")
    await page.browser.evaluate(_NOTE_SECONDS)
    phone = page.phone()
    await page.web.running.faults("error", count=2)
    await phone.say("帮助")
    await expect(phone.ghosts).to_contain_text(["refused by the network: it answered with an error, next try in "])
    await expect(phone.received).to_have_count(1)
    await expect(phone.ghosts).to_have_count(0)
    seconds: list[int] = await page.browser.evaluate("seconds")
    assert 1 <= min(seconds) < max(seconds) <= 8
    assert any(later < earlier for earlier, later in itertools.pairwise(seconds))


async def test_a_listing_waits_behind_its_first_page(page: Page) -> None:
    phone = page.phone()
    await page.web.running.faults("error")
    await phone.say("0000")
    await expect(phone.ghosts).to_have_count(2)
    await expect(phone.ghosts.last).to_have_text("Reply from 10086977: waits for the message before it")


async def test_each_line_follows_the_text_that_it_answers(page: Page) -> None:
    phone = page.phone()
    await page.web.running.faults("reject", count=1)
    await phone.say("帮助")
    await expect(phone.ghosts).to_have_text(["Reply from 10086: given up: refused by the network for good"])
    await phone.say("YE")
    await phone.has_received(1)
    kinds = await phone.part(".messages > *").evaluate_all("all => all.map((one) => one.className.split(' ')[0])")
    assert kinds == ["day", "message", "ghost", "message", "message"]
    await page.browser.reload()
    await expect(phone.ghosts).to_have_text(["Reply from 10086: given up: refused by the network for good"])


async def test_a_reply_that_expires_was_given_up(page: Page) -> None:
    phone = page.phone()
    await page.web.running.faults("error")
    await phone.say("帮助")
    await expect(phone.ghosts).to_have_count(1)
    await page.web.running.advance(minutes=11)
    await expect(phone.ghosts).to_contain_text(["given up: not taken in time, 8 tries"])


async def test_a_lost_answer_is_told_below_the_bubble(page: Page) -> None:
    phone = page.phone()
    await page.web.running.faults("timeout", count=1)
    await phone.say("帮助")
    note = phone.received.locator(".note")
    await expect(note).to_have_text("the network took it, its answer was lost, next try in 4 s of the frozen clock")
    await expect(phone.received.locator(".status")).to_contain_text("arrived, not confirmed")
    await expect(phone.ghosts).to_have_count(0)
    await page.web.running.advance(seconds=4)
    await phone.has_received(1)
    await expect(note).to_be_hidden()


async def test_while_the_network_fails_all_the_time_nothing_is_tried(page: Page) -> None:
    phone = page.phone()
    await page.web.running.faults("error")
    numbers = [f"+861380013{place:04}" for place in range(8100, 8100 + _FAILURES_TO_OPEN)]
    await page.web.running.store(*(page.web.running.message("帮助", sender=number) for number in numbers))
    await page.web.running.drain()
    await phone.say("帮助")
    await expect(phone.ghosts).to_contain_text(
        [re.compile(r"Reply from 10086: waits: the network accepts nothing, next try in \d+ s")]
    )


async def test_a_reset_takes_the_lines_away(page: Page) -> None:
    phone = page.phone()
    await page.web.running.faults("reject")
    await phone.say("帮助")
    await expect(phone.ghosts).to_have_count(1)
    await page.button("Reset to the demo…").click()
    await page.button("Reset everything").click()
    await expect(phone.part(".empty")).to_be_visible()
    await expect(phone.ghosts).to_have_count(0)
    await expect(phone.part(".fault")).to_be_hidden()


# ---- badges


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("reject", "Network refuses SMS"),
        ("throttle", "Network refuses SMS for now"),
        ("error", "Network fails"),
        ("timeout", "Answers get lost"),
    ],
)
async def test_a_fault_shows_on_every_phone(page: Page, mode: str, words: str) -> None:
    await page.show("13800138000", "13900139000")
    await expect(page.part(".fault:visible")).to_have_count(0)
    await page.web.running.faults(mode)  # by another page, or by a call
    await expect(page.part(".fault-words:visible")).to_have_text([words, words])
    await expect(page.part("#fault-mode")).to_have_value(mode)
    await page.web.running.faults("ok")
    await expect(page.part(".fault:visible")).to_have_count(0)
    await expect(page.part("#fault-mode")).to_have_value("ok")


async def test_a_fault_that_hits_once_is_over_after_that(page: Page) -> None:
    phone = page.phone()
    await page.web.running.faults("reject", count=1)
    await expect(phone.part(".fault")).to_be_visible()
    await phone.say("帮助")
    await expect(phone.part(".fault")).to_be_hidden()


async def test_reports_other_than_delivered_show_on_every_phone(page: Page) -> None:
    await page.web.running.reports("undelivered")
    await expect(page.phone().part(".fault-words")).to_have_text("Reports say undelivered")
    await page.web.running.faults("error")
    await expect(page.phone().part(".fault-words")).to_have_text("Network fails")


@pytest.mark.parametrize(("width", "height"), [(320, 568), (844, 390)])
async def test_on_a_small_screen_the_badge_leads_to_the_controls(page: Page, width: int, height: int) -> None:
    await page.browser.set_viewport_size({"width": width, "height": height})
    await page.web.running.faults("reject")
    await page.phone().part(".fault").click()
    await expect(page.part("#panel")).to_be_visible()
    await expect(page.part("#fault-mode")).to_be_focused()
