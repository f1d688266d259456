"""The controls of the gateway: clock, network, reset (http-api.md, simulator)."""

import re

import pytest
from playwright.async_api import BrowserContext, Locator, expect

from app.settings import Environment, SettingsFile
from tests.browser.phones import Page, opened
from tests.commands.world import shanghai
from tests.running import options_of, settings_for
from tests.services.carriers import use
from tests.web.sockets import listening

pytestmark = pytest.mark.anyio


async def _is_done(page: Page) -> None:
    await expect(page.part("#panel")).to_have_attribute("aria-busy", "false")


async def _jump(page: Page, day: str, time: str) -> None:
    await page.part("#clock-day-field").fill(day)
    await page.part("#clock-time-field").fill(time)
    await _press(page, page.button("Jump"))


async def _press(page: Page, button: Locator) -> None:
    await button.click()
    await _is_done(page)


@pytest.mark.parametrize(
    ("button", "then"),
    [("+1 h", "2026-03-02 11:00"), ("+24 h", "2026-03-03 10:00"), ("Next 1st", "2026-04-01 10:00")],
)
async def test_the_clock_is_moved_by_a_button(page: Page, button: str, then: str) -> None:
    await expect(page.part("#clock-now")).to_have_text("10:00:00")
    await expect(page.part("#clock-state")).to_have_text("frozen")
    await _press(page, page.button(button))
    assert (await page.web.running.gateway.simulator.simulation.clock()).now == shanghai(then)
    await expect(page.part("#clock-now")).to_have_text(f"{then[-5:]}:00")
    await expect(page.part(".phone-time")).to_have_text(then[-5:])
    await expect(page.part("#announcer")).to_contain_text(then[-5:])


async def test_the_clock_is_moved_to_a_time_in_shanghai(page: Page) -> None:
    await _jump(page, "2026-12-31", "23:59")
    assert (await page.web.running.gateway.simulator.simulation.clock()).now == shanghai("2026-12-31 23:59")
    await _press(page, page.button("Next 1st"))
    assert (await page.web.running.gateway.simulator.simulation.clock()).now == shanghai("2027-01-01 10:00")


async def test_a_past_time_is_explained(page: Page) -> None:
    await expect(page.part("#clock-day-field")).to_have_attribute("min", "2026-03-02")
    await _jump(page, "2026-03-01", "10:00")
    await expect(page.part("#panel-problem p")).to_have_text(
        "The clock only goes forward. To go back, reset to the demo."
    )
    await page.button("中文").click()
    await expect(page.part("#panel-problem p")).to_have_text("时钟只能向前。要回到过去，请重置为演示数据。")
    await page.part("#panel-problem").get_by_role("button").click()
    await expect(page.part("#panel-problem")).to_be_hidden()


@pytest.mark.parametrize(("day", "time"), [("2026-03-03", "25:00"), ("2026-03-03", "noon"), ("", "10:00")])
async def test_an_impossible_time_is_explained(page: Page, day: str, time: str) -> None:
    await _jump(page, day, time)
    await expect(page.part("#panel-problem p")).to_have_text("Give a day up to 2199 and a time such as 09:30.")


async def test_a_problem_goes_away_with_what_succeeds_next_or_after_a_while(page: Page) -> None:
    problem = page.part("#panel-problem")
    await _jump(page, "2026-03-01", "10:00")
    await expect(problem).to_be_visible()
    await _press(page, page.button("+1 h"))
    await expect(problem).to_be_hidden()
    await page.browser.clock.install()
    await _jump(page, "2026-03-01", "10:00")
    await expect(problem).to_be_visible()
    await page.browser.clock.fast_forward(21_000)
    await expect(problem).to_be_hidden()


async def test_the_clock_tells_its_zone_and_that_it_is_frozen(page: Page) -> None:
    await expect(page.part(".clock-day")).to_have_text("Mon, 2 Mar 2026 · UTC+8")
    await expect(page.part("#clock-note")).to_contain_text("Frozen: what falls due later waits")
    await page.button("中文").click()
    await expect(page.part(".clock-day")).to_contain_text("北京时间")
    await page.web.call("POST", "/simulator/reset", {"fixture": "demo"})
    await expect(page.part("#clock-note")).to_be_hidden()


async def test_a_frozen_clock_is_run_and_frozen_again(page: Page) -> None:
    await _press(page, page.button("Run"))
    await expect(page.part("#clock-state")).to_have_text("run by this page")
    await expect(page.part("#clock-now")).not_to_have_text(re.compile("^10:00:0[01]$"))
    await _press(page, page.button("Freeze"))
    await expect(page.part("#clock-state")).to_have_text("frozen")
    stopped_at = (await page.web.running.gateway.simulator.simulation.clock()).now
    assert stopped_at > shanghai("2026-03-02 10:00")


async def test_a_running_clock_is_frozen(page: Page) -> None:
    await page.web.call("POST", "/simulator/reset", {"fixture": "demo"})
    await page.browser.reload()
    await expect(page.part("#clock-state")).to_have_text("running")
    await _press(page, page.button("Freeze"))
    assert (await page.web.running.gateway.simulator.simulation.clock()).clock_frozen_at is not None
    await expect(page.part("#clock-state")).to_have_text("frozen")


async def test_faults_and_reports_are_switched(page: Page) -> None:
    await page.part("#report-status").select_option("undelivered")
    await _is_done(page)
    phone = page.phone()
    await phone.say("HELP")
    await expect(phone.received.locator(".status")).to_have_text("!reported undelivered")

    await page.part("#fault-mode").select_option("reject")
    await _is_done(page)
    await phone.say("0000")
    await expect(phone.sent).to_have_count(2)
    await page.web.running.drain()
    await expect(phone.received).to_have_count(1)

    await page.part("#fault-share").select_option("once")
    await _is_done(page)
    state = await page.web.running.gateway.simulator.simulation.clock()
    assert (state.fault_mode, state.fault_count, state.report_status) == ("reject", 1, "undelivered")


async def test_how_the_network_behaves_is_read_from_the_gateway(page: Page) -> None:
    await page.web.running.faults("throttle", rate=0.5)
    await page.web.running.reports("none")
    await page.browser.reload()
    await expect(page.part("#fault-mode")).to_have_value("throttle")
    await expect(page.part("#fault-share")).to_have_value("half")
    await expect(page.part("#report-status")).to_have_value("none")
    await expect(page.part("#report-delay")).to_be_hidden()


async def test_a_reset_asks_first(page: Page) -> None:
    phone = page.phone()
    await phone.say("HELP")
    await phone.has_received(1)
    await page.button("Reset to the demo…").click()
    await expect(page.button("Cancel")).to_be_focused()
    await page.button("Cancel").click()
    await expect(phone.received).to_have_count(1)

    await page.button("Reset to the demo…").click()
    await page.button("Reset everything").click()
    await expect(phone.received).to_have_count(0)
    await expect(phone.part(".empty")).to_be_visible()
    await expect(page.part("#clock-state")).to_have_text("running")
    await phone.say("HELP")
    await phone.has_received(1)


async def test_on_a_phone_the_controls_are_a_sheet(page: Page) -> None:
    await page.browser.set_viewport_size({"width": 375, "height": 667})
    await expect(page.part("#panel")).to_be_hidden()
    await page.button("Controls").click()
    await expect(page.button("Close the controls")).to_be_focused()
    await _press(page, page.button("+24 h"))
    assert await page.overflow() == 0
    await page.browser.keyboard.press("Escape")
    await expect(page.part("#panel")).to_be_hidden()
    await expect(page.button("Controls")).to_be_focused()
    await expect(page.part("#clock-short")).to_have_text("10:00")


async def test_in_dev_there_are_no_controls(context: BrowserContext, unused_sqlite_url: str) -> None:
    file = SettingsFile(providers={"simulator": options_of(kind="simulator")}, default_provider="simulator")
    async with listening(settings_for(unused_sqlite_url, Environment.DEV, file)) as web, opened(context, web) as page:
        phone = page.phone()
        await phone.say("HELP")
        await phone.has_received(1)
        for hidden in ("Freeze", "+1 h", "Reset to the demo…"):
            await expect(page.button(hidden)).to_have_count(0)
        await expect(page.part("#fault-mode")).to_be_hidden()


async def test_without_a_simulator_the_page_says_what_to_do(
    context: BrowserContext, unused_sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = use(monkeypatch, unused_sqlite_url).file
    async with listening(settings_for(unused_sqlite_url, Environment.DEV, file)) as web:
        page = Page(await context.new_page(), web)
        await page.browser.goto(page.address)
        phone = page.phone()
        await expect(phone.part("[role=alert]")).to_contain_text(
            "There are no handsets here: start the gateway as a demo"
        )
        await expect(phone.part(".connection")).to_have_text("stopped")
        await page.browser.close()
