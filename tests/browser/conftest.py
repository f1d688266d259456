"""Fixtures: the system's Chromium, and a gateway with a frozen clock for each test."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, BrowserContext, async_playwright, expect

from app.settings import Settings
from tests.browser.phones import Page, opened
from tests.programs import program
from tests.running import settings_for
from tests.web.calls import Web
from tests.web.sockets import listening

# Generous, as slow cores may be busy with other tests. Tests wait for conditions, never for a fixed time.
PATIENCE_MS = 30_000
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One browser for all tests of a module."""
    chromium = program(*_NAMES, package="the packages chromium and fonts-noto-cjk")
    expect.set_options(timeout=PATIENCE_MS)
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        )
        yield started
        await started.close()


@pytest.fixture
def settings(sqlite_url: str) -> Settings:
    """Settings with SQLite, as the page does not depend on the kind of database."""
    return settings_for(sqlite_url)


@pytest.fixture
async def web(settings: Settings) -> AsyncIterator[Web]:
    """A gateway behind a real socket."""
    async with listening(settings) as started:
        yield started


@pytest.fixture
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    """A new browser context: desktop size, English, time zone Europe/Berlin."""
    fresh = await browser.new_context(
        viewport={"width": 1440, "height": 900}, locale="en-GB", timezone_id="Europe/Berlin", reduced_motion="reduce"
    )
    fresh.set_default_timeout(PATIENCE_MS)
    yield fresh
    await fresh.close()


@pytest.fixture
async def page(context: BrowserContext, web: Web) -> AsyncIterator[Page]:
    """The handset page on a first visit. A script error fails the test."""
    async with opened(context, web) as found:
        yield found
