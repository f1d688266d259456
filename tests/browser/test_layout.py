"""Nothing is cut and everything can be touched, from 320 pixels to wide screens."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, expect

from tests.browser.conftest import PATIENCE_MS
from tests.browser.phones import Page, Phone, opened
from tests.web.calls import Web

pytestmark = pytest.mark.anyio
SMALL = [(320, 568), (320, 256), (390, 844), (768, 1024), (844, 390)]
WIDE = [(1280, 860), (1920, 1080)]
_TARGET = 44
# What is not inside its window, or whose words do not fit into it. What a row holds that scrolls may be outside.
_CUT = """() => {
  const scrolls = (one) => one && (/auto|scroll/.test(getComputedStyle(one).overflowX) || scrolls(one.parentElement));
  const shown = (one) => one.checkVisibility() && !one.closest("[inert]") && !one.matches(".skip, .sr-only");
  const all = [...document.querySelectorAll("button, input, select, textarea, a, h2, .connection, .bubble, .ghost, .away p")];
  return all.filter(shown).filter((one) => {
    const box = one.getBoundingClientRect();
    const isOutside = (box.left < 0 || box.right > innerWidth) && !scrolls(one.parentElement);
    const isTight = one.matches("button") && one.scrollWidth > one.clientWidth + 1;
    return isOutside || isTight;
  }).map((one) => one.outerHTML.slice(0, 120));
}"""
_SMALL_TARGETS = """(least) => {
  const shown = (one) => one.checkVisibility() && !one.closest("[inert]") && !one.matches(".skip, [type=checkbox]");
  return [...document.querySelectorAll("button, input, select, textarea, .links a, .switch label")].filter(shown)
    .map((one) => [one, one.getBoundingClientRect()])
    .filter(([one, box]) => box.height < least || box.width < least)
    .map(([one, box]) => `${one.outerHTML.slice(0, 100)} ${box.width} x ${box.height}`);
}"""
_TIGHT_SELECTS = """() => [...document.querySelectorAll("select")].filter((one) => one.checkVisibility()).filter((one) => {
  const free = one.cloneNode(true);
  free.style.width = "max-content";
  one.after(free);
  const wanted = free.offsetWidth;
  free.remove();
  return wanted > one.offsetWidth;
}).map((one) => one.id)"""


@asynccontextmanager
async def _screen(
    browser: Browser, web: Web, size: tuple[int, int], language: str = "en-GB", *, touch: bool = True
) -> AsyncIterator[Page]:
    context = await browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        locale=language,
        has_touch=touch,
        is_mobile=touch,
        reduced_motion="reduce",
    )
    context.set_default_timeout(PATIENCE_MS)
    async with opened(context, web) as page:
        yield page
    await context.close()


# What is inside of the thread scrolls there, and nowhere else.
_HIDDEN_BELOW = (
    "Math.max(...[...document.querySelectorAll('.screen')].map((one) => one.scrollHeight - one.clientHeight))"
)
_CUT_NUMBERS = """() => [...document.querySelectorAll(".to")].filter((one) => one.scrollWidth > one.clientWidth)
  .map((one) => one.value)"""


async def _assert_whole(page: Page) -> None:
    assert await page.overflow() == 0
    assert await page.browser.evaluate(_HIDDEN_BELOW) == 0
    assert await page.browser.evaluate(_CUT) == []
    assert await page.browser.evaluate(_TIGHT_SELECTS) == []


async def _fill(page: Page) -> Phone:
    """Bring the phone into its fullest state: a listing, a fault, something that waits."""
    await page.web.running.say("0000")
    await page.web.running.faults("throttle")
    await page.web.running.store(page.web.running.message("HELP"))
    phone = Phone(page.phones.first)
    await expect(phone.ghosts).to_have_count(1)
    await expect(phone.part(".fault")).to_be_visible()
    return phone


@pytest.mark.parametrize("language", ["en-GB", "zh-CN"])
@pytest.mark.parametrize("size", [*SMALL, *WIDE])
async def test_nothing_is_cut(browser: Browser, web: Web, size: tuple[int, int], language: str) -> None:
    async with _screen(browser, web, size, language) as page:
        await _assert_whole(page)
        phone = await _fill(page)
        await _assert_whole(page)
        await expect(phone.part(".text")).to_be_in_viewport(ratio=1)
        await expect(phone.part(".send")).to_be_in_viewport(ratio=1)
        await page.part("#handset-add").click()
        await _assert_whole(page)
        await page.part("[data-close]:visible").click()
        if await page.part("#panel-open").is_visible():
            await page.part("#panel-open").click()
            await _assert_whole(page)


@pytest.mark.parametrize("size", [*SMALL, (1280, 860)])
async def test_what_is_touched_is_large_enough(browser: Browser, web: Web, size: tuple[int, int]) -> None:
    async with _screen(browser, web, size) as page:
        await page.show("13800138000", "13900139000")
        await _fill(page)
        assert await page.browser.evaluate(_SMALL_TARGETS, _TARGET) == []
        await page.part("#handset-add").click()
        assert await page.browser.evaluate(_SMALL_TARGETS, _TARGET) == []
        await page.part("[data-close]:visible").click()
        if await page.part("#panel-open").is_visible():
            await page.part("#panel-open").click()
            assert await page.browser.evaluate(_SMALL_TARGETS, _TARGET) == []


@pytest.mark.parametrize("size", [*SMALL, (1280, 860)])
async def test_the_longest_service_number_and_the_fault_are_whole(
    browser: Browser, web: Web, size: tuple[int, int]
) -> None:
    async with _screen(browser, web, size) as page:
        phone = await _fill(page)
        await phone.to.fill("1008620488")
        assert await page.browser.evaluate(_CUT_NUMBERS) == []
        await expect(phone.part(".fault")).to_have_accessible_name("Network refuses SMS for now")
        whole = "one => one.scrollWidth <= one.clientWidth"
        assert await phone.part(".fault .pill").evaluate(whole)


@pytest.mark.parametrize(("size", "least"), [((320, 256), 120), ((844, 390), 270), ((320, 568), 180)])
async def test_the_thread_keeps_its_room(browser: Browser, web: Web, size: tuple[int, int], least: int) -> None:
    async with _screen(browser, web, size) as page:
        await page.web.running.say("0000")
        phone = Phone(page.phones.first)
        await phone.has_received(2)
        box = await phone.part(".thread").bounding_box()
        assert box is not None
        assert box["height"] >= least


async def test_phones_that_do_not_fit_have_tabs(browser: Browser, web: Web) -> None:
    async with _screen(browser, web, (1280, 860), touch=False) as page:
        await expect(page.part("#tabs")).to_be_hidden()
        await page.show("13800138000", "13900139000", "13700137000", "13600136000")
        await page.part("#tabs button").last.click()
        await expect(page.phone("13600136000").part(".send")).to_be_in_viewport(ratio=1)
        await page.browser.set_viewport_size({"width": 1920, "height": 1080})
        await expect(page.part("#tabs")).to_be_hidden()


async def test_a_wide_screen_has_room_for_a_third_column(browser: Browser, web: Web) -> None:
    async with _screen(browser, web, (1280, 860), touch=False) as page:
        await page.browser.evaluate(
            "const column = document.createElement('aside'); column.style.width = '320px';"
            "column.style.gridArea = 'inspector'; document.body.append(column)"
        )
        phone = await page.phones.first.bounding_box()
        assert phone is not None
        assert phone["x"] + phone["width"] <= 1280 - 320
        assert await page.overflow() == 0
