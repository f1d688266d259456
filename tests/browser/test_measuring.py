"""The page counts segments as the gateway does (delivery.md 13)."""

import pytest
from playwright.async_api import expect

from app.domain.segments import Encoding, measure
from tests.browser.phones import Page

pytestmark = pytest.mark.anyio
_MEASURED = """async texts => {
  const { measure } = await import('/static/handset/segments.js');
  return texts.map((text) => measure(text)).map(({ encoding, segments }) => [encoding, segments]);
}"""
_BASIC = """async last => {
  const { measure } = await import('/static/handset/segments.js');
  const codes = Array.from({ length: last }, (_, place) => place + 1);
  return codes.filter((code) => measure(String.fromCharCode(code)).encoding === 'gsm7');
}"""
_LONG = [
    unit * count
    for unit in ("a", "€", "中", "😀", "a€", "a😀", "中😀", "\n", "[]")
    for count in (
        0,
        1,
        34,
        35,
        36,
        66,
        67,
        68,
        69,
        70,
        71,
        76,
        77,
        79,
        80,
        81,
        133,
        134,
        135,
        153,
        154,
        160,
        161,
        306,
        307,
    )
]
_LAST = 0xFFFF


async def test_the_page_measures_as_the_gateway_does(page: Page) -> None:
    found = await page.browser.evaluate(_MEASURED, _LONG)
    expected = [[measure(text).encoding.value, measure(text).segments] for text in _LONG]
    assert found == expected


async def test_the_page_has_the_gateway_s_alphabet(page: Page) -> None:
    found = await page.browser.evaluate(_BASIC, _LAST)
    assert found == [code for code in range(1, _LAST + 1) if measure(chr(code)).encoding is Encoding.GSM7]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("0000", "1 segment · GSM-7 · 156 left"),
        ("退订", "1 segment · UCS-2 · 68 left"),
        ("a" * 161, "2 segments · GSM-7 · 145 left"),
    ],
)
async def test_the_length_of_what_is_typed_is_shown(page: Page, text: str, count: str) -> None:
    phone = page.phone()
    await expect(phone.part(".count")).to_be_hidden()
    await phone.text.fill(text)
    await expect(phone.part(".count")).to_have_text(count)
