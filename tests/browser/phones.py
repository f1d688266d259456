"""Page objects for the handset page and its phones."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from playwright.async_api import BrowserContext, Locator, expect
from playwright.async_api import Page as BrowserPage

from tests.web.calls import Web

_POLICY = "Content Security Policy"


@dataclass
class Phone:
    """One phone on the page."""

    root: Locator

    def part(self, selector: str) -> Locator:
        """Return the elements on this phone that match a CSS selector."""
        return self.root.locator(selector)

    @property
    def text(self) -> Locator:
        """The text field."""
        return self.root.get_by_role("textbox", name="Text message")

    @property
    def to(self) -> Locator:
        """The field for the recipient's number."""
        return self.part(".to")

    @property
    def received(self) -> Locator:
        """The received messages."""
        return self.part(".received")

    @property
    def sent(self) -> Locator:
        """The sent messages."""
        return self.part(".sent")

    def chip(self, text: str) -> Locator:
        """Return the quick text with this label."""
        return self.part(".chips button").filter(has_text=text)

    @property
    def ghosts(self) -> Locator:
        """The lines for messages that are on their way, or were given up."""
        return self.part(".ghost")

    def bubble(self, message: Locator) -> Locator:
        """Return the bubble of a message, which shows the details when it is pressed."""
        return message.locator(".bubble")

    async def say(self, text: str) -> None:
        """Type a text and press Enter."""
        await self.text.fill(text)
        await self.text.press("Enter")

    async def has_received(self, count: int) -> None:
        """Wait until ``count`` messages were received and reported as delivered."""
        await expect(self.received).to_have_count(count)
        await expect(self.received.locator(".status[data-kind=done]")).to_have_count(count)


@dataclass
class Page:
    """The page and its gateway."""

    browser: BrowserPage
    web: Web

    @property
    def address(self) -> str:
        """The page's URL without the fragment that lists the phones."""
        return str(self.web.client.base_url.join("/handset"))

    @property
    def phones(self) -> Locator:
        """All phones."""
        return self.browser.locator(".phone")

    def phone(self, number: str = "13800138000") -> Phone:
        """Return the phone with this number."""
        return Phone(self.browser.get_by_role("region", name=f"Phone +86{number}"))

    def part(self, selector: str) -> Locator:
        """Return the elements on the page that match a CSS selector."""
        return self.browser.locator(selector)

    def button(self, name: str) -> Locator:
        """Return the button with exactly this name."""
        return self.browser.get_by_role("button", name=name, exact=True)

    async def show(self, *numbers: str) -> None:
        """Open the page with these phones and wait until all are connected."""
        await self.browser.goto(f"{self.address}#{','.join(numbers)}")
        await self.is_live(len(numbers))

    async def is_live(self, count: int = 1) -> None:
        """Wait until ``count`` phones are connected."""
        await expect(self.part(".connection[data-state=live]")).to_have_count(count)

    async def overflow(self) -> int:
        """Return by how many pixels the page is wider than its window."""
        script = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        wide: int = await self.browser.evaluate(script)
        return wide


@asynccontextmanager
async def opened(context: BrowserContext, web: Web) -> AsyncIterator[Page]:
    """Yield the page once it is connected; then assert that no script failed and nothing violated the policy."""
    page = Page(await context.new_page(), web)
    failures: list[str] = []
    page.browser.on("pageerror", lambda error: failures.append(str(error)))
    page.browser.on("console", lambda line: failures.extend([line.text] if _POLICY in line.text else []))
    await page.browser.goto(page.address)
    await page.is_live()
    yield page
    await page.browser.close()
    assert not failures
