"""A real browser from the system, and a gateway of its own for each test, its clock standing still."""

import os
import shutil
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, BrowserContext, async_playwright, expect

from app.settings import Settings
from tests.browser.phones import Page, opened
from tests.running import settings_for
from tests.web.calls import Web
from tests.web.sockets import listening

# Two slow cores may be busy with other tests: nothing here waits for a time, and conditions may take their time.
PATIENCE_MS = 30_000
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def _chromium() -> str:
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is not None:
        return found
    reason = "No Chromium on this machine: install the package chromium (and fonts-noto-cjk) to run the browser tests."
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One browser for the tests of a file."""
    program = _chromium()
    expect.set_options(timeout=PATIENCE_MS)
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        )
        yield started
        await started.close()


@pytest.fixture
def settings(sqlite_url: str) -> Settings:
    """A gateway's settings; what a browser shows does not depend on the kind of the database."""
    return settings_for(sqlite_url)


@pytest.fixture
async def web(settings: Settings) -> AsyncIterator[Web]:
    """A gateway behind a real socket."""
    async with listening(settings) as started:
        yield started


@pytest.fixture
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    """A browser without a past, as wide as a desktop, somewhere in Europe."""
    fresh = await browser.new_context(
        viewport={"width": 1440, "height": 900}, locale="en-GB", timezone_id="Europe/Berlin", reduced_motion="reduce"
    )
    fresh.set_default_timeout(PATIENCE_MS)
    yield fresh
    await fresh.close()


@pytest.fixture
async def page(context: BrowserContext, web: Web) -> AsyncIterator[Page]:
    """The handset page as a newcomer finds it; a script that fails, fails the test."""
    async with opened(context, web) as found:
        yield found
