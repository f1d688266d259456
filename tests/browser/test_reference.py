"""The API reference in the browser: dark or light as the handset page, a filter, a token that stays."""

import re

import pytest
from playwright.async_api import Browser, expect
from playwright.async_api import Page as BrowserPage

from tests.browser.conftest import PATIENCE_MS
from tests.web.calls import Web

pytestmark = pytest.mark.anyio
_DARK = re.compile("dark-mode")


async def reference(browser: Browser, web: Web, *, width: int = 1280, dark: bool = False) -> BrowserPage:
    """Return the page, once it shows calls."""
    context = await browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light"
    )
    context.set_default_timeout(PATIENCE_MS)
    page = await context.new_page()
    await page.goto(f"{web.client.base_url}/docs")
    await expect(page.locator(".opblock").first).to_be_visible()
    return page


@pytest.mark.parametrize("dark", [False, True])
async def test_it_is_as_dark_as_the_browser_until_the_handset_page_says_otherwise(
    browser: Browser,
    web: Web,
    dark: bool,  # noqa: FBT001  a table
) -> None:
    page = await reference(browser, web, dark=dark)
    root = page.locator("html")
    await (expect(root).to_have_class(_DARK) if dark else expect(root).not_to_have_class(_DARK))
    await page.emulate_media(color_scheme="light" if dark else "dark")
    await (expect(root).not_to_have_class(_DARK) if dark else expect(root).to_have_class(_DARK))
    await page.evaluate(f"localStorage.setItem('smsgw.handset.theme', '{'dark' if dark else 'light'}')")
    await page.reload()
    await (expect(root).to_have_class(_DARK) if dark else expect(root).not_to_have_class(_DARK))


async def test_it_is_filtered_by_path_name_and_group(browser: Browser, web: Web) -> None:
    page = await reference(browser, web)
    every = await page.locator(".opblock").count()
    field = page.get_by_role("textbox", name="Filter the calls")
    for phrase, found in (("dead-letters", 2), ("verify_evidence", 1), ("tokens", 1), ("no such call", 0)):
        await field.fill(phrase)
        await expect(page.locator(".opblock")).to_have_count(found)
    await field.fill("")
    await expect(page.locator(".opblock")).to_have_count(every)


async def test_a_token_is_kept_over_a_reload(browser: Browser, web: Web) -> None:
    page = await reference(browser, web)
    await expect(page.get_by_role("button", name="authorization button unlocked").first).to_be_visible()
    await page.get_by_role("button", name="Authorize").first.click()
    await page.locator("#auth-bearer-value, input[aria-label='auth-bearer-value']").fill("demo")
    await page.locator(".modal-ux").get_by_role("button", name="Apply credentials").click()
    await page.locator(".modal-ux").get_by_role("button", name="Close").last.click()
    await page.reload()
    await expect(page.get_by_role("button", name="authorization button locked").first).to_be_visible()


@pytest.mark.parametrize("width", [390, 1280])
async def test_it_fits_a_phone_and_leads_back(browser: Browser, web: Web, width: int) -> None:
    page = await reference(browser, web, width=width)
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    await page.get_by_role("link", name="The handset").click()
    await expect(page).to_have_url(re.compile("/handset$"))
