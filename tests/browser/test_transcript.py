"""A conversation held in the browser, written down as a transcript and played by the tests' own player."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, expect

from app.db.catalogue import load_catalogue
from tests.browser.phones import Page
from tests.commands.transcript import Conversation, play
from tests.running import ALICE, Running

pytestmark = pytest.mark.anyio


async def customer_of(running: Running, msisdn: str = ALICE) -> Conversation:
    """Return a conversation, in memory, with the catalogue and a customer as the gateway has them now."""
    directory = running.gateway.management.directory
    catalogue = await running.gateway.storage.database.read(load_catalogue)
    subscriber = await directory.subscriber(msisdn)
    held = tuple(await directory.subscriptions(msisdn))
    return Conversation(subscriber=subscriber, has=held, catalogue=catalogue)


async def opened_transcript(page: Page) -> str:
    """Open the dialog of the first phone, and return the text in it."""
    await page.part(".transcript").first.click()
    await expect(page.part("#transcript-copy")).to_be_enabled()
    return await page.part("#transcript-text").input_value()


async def downloaded(page: Page, folder: Path) -> str:
    async with page.browser.expect_download() as downloading:
        await page.button("Download").click()
    file = await downloading.value
    assert file.suggested_filename == "transcript-8000.txt"
    path = folder / file.suggested_filename
    await file.save_as(path)
    return path.read_text("utf-8")


async def hold(page: Page, texts: Sequence[tuple[str, int]]) -> None:
    """Send texts, each after the ones before were answered by so many messages in all."""
    phone = page.phone()
    for text, count in texts:
        await phone.say(text)
        await phone.has_received(count)


async def test_a_dialogue_held_in_the_browser_is_played_by_the_tests(page: Page, tmp_path: Path) -> None:
    customer = await customer_of(page.web.running)
    await hold(page, [("ＯＯＯＯ", 2), ("1,3", 3), ("9", 4)])
    await page.web.running.advance(hours=2, seconds=1)
    await hold(page, [("1", 5), ("KTYYH", 6), ("是", 7), ("TS 乱扣费\n请查", 8), ("hello", 9)])
    await page.web.running.advance_to("2026-03-02 13:30:00.250000")
    await hold(page, [("0000", 11), ("全部", 12), ("否", 13), ("DZXXSF", 14)])
    await opened_transcript(page)
    text = await downloaded(page, tmp_path)

    assert text.startswith("# +8613****8000, times in Shanghai.")
    assert "\n@ 2026-03-02 12:00:01\n" in text
    assert "\n@ 2026-03-02 13:30:00.250000\n" in text
    assert re.search(r"^> \[10086204\d\d\] TS 乱扣费↵请查$", text, re.MULTILINE)
    assert re.search(r"^> \[10086204\d\d\] 是$", text, re.MULTILINE)
    assert "13800138000" not in text
    customer.play(text)
    assert len(customer.sent) == 14
    states = await page.web.running.states()
    assert {code: state.split()[0] for code, state in customer.states().items()} == states


async def test_a_transcript_that_is_not_true_is_found(page: Page) -> None:
    customer = await customer_of(page.web.running)
    await hold(page, [("0000", 2), ("1", 3)])
    text = await opened_transcript(page)
    with pytest.raises(AssertionError, match="it says"):
        customer.play(text.replace("彩铃已于", "彩铃未于"))


async def test_what_comes_by_itself_is_dated(page: Page) -> None:
    customer = await customer_of(page.web.running)
    await hold(page, [("KTZQ", 1), ("是", 2)])
    await page.web.running.advance(days=6)
    phone = page.phone()
    await expect(phone.received).not_to_have_count(2)
    text = await opened_transcript(page)
    assert "# nobody asked for this one\n< [10086204" in text
    customer.play(text)


async def test_a_masked_password_stays_masked_and_a_replay_misses_it(page: Page) -> None:
    customer = await customer_of(page.web.running)
    await hold(page, [("XGMM#654321#112233#112233", 1)])
    text = await opened_transcript(page)
    assert "654321" not in text
    assert "# the password is masked: write one in place of ******\n> [10086] XGMM#******#******#******\n" in text
    await expect(page.part("#transcript-masked")).to_be_visible()
    with pytest.raises(AssertionError, match="a password is masked here"):
        customer.play(text)
    filled = text.replace("******", "654321", 2).replace("******", "112233")
    (await customer_of(page.web.running)).play(filled)


async def test_replies_stand_under_their_text(page: Page) -> None:
    await page.web.running.faults("throttle", count=1)
    phone = page.phone()
    await phone.say("YE")
    await phone.say("JF")
    await expect(phone.sent).to_have_count(2)
    await page.web.running.advance(minutes=2)
    await phone.has_received(2)
    lines = [line for line in (await opened_transcript(page)).splitlines() if line[0] in "<>"]
    assert [line[:12] for line in lines[::2]] == ["> [10086] YE", "> [10086] JF"]
    assert [word in line for word, line in zip(("余额", "积分"), lines[1::2], strict=True)] == [True, True]


async def test_it_is_copied_and_says_so(page: Page, context: BrowserContext) -> None:
    await context.grant_permissions(["clipboard-read", "clipboard-write"])
    await hold(page, [("YE", 1)])
    text = await opened_transcript(page)
    await page.button("Copy").click()
    await expect(page.part("#transcript-state")).to_have_text("Copied")
    assert await page.browser.evaluate("navigator.clipboard.readText()") == text
    await page.browser.keyboard.press("Escape")
    await expect(page.part("#transcript-dialog")).to_be_hidden()
    await expect(page.part(".transcript")).to_be_focused()


async def test_where_copying_is_forbidden_the_text_is_selected(page: Page) -> None:
    await page.browser.evaluate("void (navigator.clipboard.writeText = () => Promise.reject(new Error()))")
    await hold(page, [("YE", 1)])
    text = await opened_transcript(page)
    await page.button("Copy").click()
    await expect(page.part("#transcript-state")).to_contain_text("the text is selected")
    chosen = "one => one.value.slice(one.selectionStart, one.selectionEnd)"
    assert await page.part("#transcript-text").evaluate(chosen) == text


async def test_the_notice_is_in_the_language_of_the_page(page: Page) -> None:
    await hold(page, [("YE", 1)])
    await page.button("中文").click()
    await page.part(".transcript").click()
    await page.part("#transcript-download").click()
    await expect(page.part("#transcript-state")).to_have_text("已下载")


async def test_an_empty_thread_has_no_transcript(page: Page) -> None:
    await page.part(".transcript").click()
    await expect(page.part("#transcript-state")).to_have_text("There are no messages yet.")
    for name in ("Copy", "Download"):
        await expect(page.button(name)).to_be_disabled()


async def test_the_gateway_away_is_said(page: Page) -> None:
    await hold(page, [("YE", 1)])
    await page.browser.route("**/messages?*", lambda route: route.abort())
    await page.part(".transcript").click()
    await expect(page.part("#transcript-state")).to_have_text("The gateway does not answer.")


# ---- what the player makes of it


def test_the_player_misses_a_masked_password() -> None:
    with pytest.raises(AssertionError, match="a password is masked here: write one in place of"):
        play("> XGMM#******#******#******")


def test_a_line_break_within_a_text() -> None:
    conversation = play("> [10086] TS 乱扣费↵请查\n< 您的投诉已受理…")
    assert "> [10086] 'TS 乱扣费\\n请查'" in conversation.log[0]


def test_another_confirmation_number_than_was_drawn() -> None:
    conversation = play(
        """
        > KTYS
        < [1008620417 confirmation] …影视365…
        > KTQQ
        < [1008620463 confirmation] …亲情号…
        > 是
        < [10086] …1008620417…1008620463…
        > [1008620463] 是
        < [1008620463 result] …亲情号…
        """
    )
    assert {sent.number for sent in conversation.sent if sent.kind == "confirmation"} == {"1008620400", "1008620401"}


def test_one_number_drawn_is_not_two() -> None:
    with pytest.raises(AssertionError, match=r"it came from \[1008620400"):
        Conversation().play(
            """
            > KTYS
            < [1008620417] …
            > [1008620417] 否
            < [1008620463] …
            """
        )
