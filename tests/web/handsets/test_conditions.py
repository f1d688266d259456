"""Faults and reports of one handset alone, and numbers with a fate (testkit 17 and 18)."""

import pytest

from app.domain.simulation import FATES
from app.settings import Environment, SettingsFile
from app.web.handsets.conditions import router
from tests.running import ALICE, BOB, options_of, settings_for
from tests.web.calls import Web, assert_problem, serving

pytestmark = pytest.mark.anyio
HANDSET = "/simulator/handsets/13800138000"
FAULTS, DELIVERY = f"{HANDSET}/faults", f"{HANDSET}/delivery"
ENDS = [f"+861700000000{number}" for number in range(1, 9)]


async def put(web: Web, path: str, body: object) -> None:
    answer = await web.call("PUT", path, body)
    assert answer.status_code == 200, answer.text


async def answers_to(web: Web, msisdn: str, text: str = "帮助", *, after: float = 0) -> list[str]:
    """Send a text from a handset, and return the states of what it got for it."""
    await web.running.say(text, sender=msisdn)
    if after:
        await web.running.advance(seconds=after)
    return [str(message.status) for message in await web.running.received(msisdn)]


# ---- one handset


async def test_faults_of_one_handset_leave_the_others_alone(web: Web) -> None:
    assert_problem(await web.get(FAULTS), 404)
    await put(web, FAULTS, {"mode": "reject", "rate": 1, "count": 1})
    assert (await web.get(FAULTS)).json() == {"mode": "reject", "rate": 1, "count": 1}
    assert (await web.get("/simulator/faults")).json()["mode"] == "ok"

    assert await answers_to(web, BOB) == ["delivered"]
    assert await answers_to(web, ALICE) == []
    assert (await web.get(FAULTS)).json()["count"] == 0
    assert await answers_to(web, ALICE) == ["delivered"], "the fault hit once"


async def test_a_handset_of_its_own_is_not_hit_by_the_faults_of_all(web: Web) -> None:
    await put(web, "/simulator/faults", {"mode": "reject", "rate": 1, "count": 5})
    await put(web, FAULTS, {"mode": "ok"})
    assert await answers_to(web, ALICE) == ["delivered"]
    assert (await web.get("/simulator/faults")).json()["count"] == 5
    assert (await web.call("DELETE", FAULTS)).status_code == 204
    assert_problem(await web.get(FAULTS), 404)
    assert await answers_to(web, ALICE) == ["delivered"], "only the first message"
    assert (await web.get("/simulator/faults")).json()["count"] == 4


async def test_a_handset_that_keeps_failing_opens_no_circuit(web: Web) -> None:
    await put(web, FAULTS, {"mode": "error"})
    for _ in range(12):
        await answers_to(web, ALICE, "你好")
    await web.running.advance(minutes=5)
    outbox = (await web.get(f"{HANDSET}/outbox")).json()["messages"]
    assert outbox[0]["attempts"] > 3
    assert {"pause"} & {message.get("waits_for") for message in outbox} == set()
    assert await answers_to(web, BOB) == ["delivered"]


async def test_reports_of_one_handset_leave_the_others_alone(web: Web) -> None:
    assert_problem(await web.get(DELIVERY), 404)
    given = {"report": "undelivered", "delay_seconds": 60}
    await put(web, DELIVERY, given)
    await put(web, FAULTS, {"mode": "ok"})
    assert (await web.get(DELIVERY)).json() == given
    assert await answers_to(web, BOB) == ["delivered"]
    assert await answers_to(web, ALICE) == ["accepted"]
    await web.running.advance(seconds=60)
    assert await answers_to(web, ALICE) == ["undelivered", "accepted"]
    assert (await web.call("DELETE", DELIVERY)).status_code == 204
    assert (await answers_to(web, ALICE))[2:] == ["delivered"]
    assert (await web.get(FAULTS)).status_code == 200, "the other setting is left"


async def test_a_reset_takes_the_settings_of_handsets_away(web: Web) -> None:
    await put(web, FAULTS, {"mode": "reject"})
    await put(web, DELIVERY, {"report": "none"})
    await web.call("POST", "/simulator/reset", {"fixture": "demo"})
    assert_problem(await web.get(FAULTS), 404)
    assert_problem(await web.get(DELIVERY), 404)
    assert await answers_to(web, ALICE) == ["delivered"]


@pytest.mark.parametrize("form", ["+8613800138000", "008613800138000"])
async def test_a_handset_is_known_by_every_form_of_its_number(web: Web, form: str) -> None:
    await put(web, f"/simulator/handsets/{form}/faults", {"mode": "throttle", "rate": 0.25})
    assert (await web.get(FAULTS)).json() == {"mode": "throttle", "rate": 0.25, "count": None}


@pytest.mark.parametrize(("path", "body"), [(FAULTS, {"mode": "sulk"}), (FAULTS, {}), (DELIVERY, {"report": "lost"})])
async def test_an_invalid_setting_is_refused(web: Web, path: str, body: object) -> None:
    assert_problem(await web.call("PUT", path, body), 422)


async def test_in_dev_no_handset_has_settings_or_a_fate(unused_sqlite_url: str) -> None:
    file = SettingsFile(providers={"simulator": options_of(kind="simulator")}, default_provider="simulator")
    async with serving(settings_for(unused_sqlite_url, Environment.DEV, file)) as web:
        for route in router.routes:
            [method] = getattr(route, "methods", set())
            path = "/simulator" + str(getattr(route, "path", "")).replace("{msisdn}", "13800138000")
            assert_problem(await web.call(method, path, {"mode": "ok", "report": "none"}), 404)
        await web.running.subscriber(ENDS[2])
        assert await answers_to(web, ENDS[2]) == ["delivered"]
        assert ENDS[2][3:] not in (await web.get("/openapi.json")).text


# ---- numbers with a fate


async def test_numbers_have_the_fates_that_the_reference_lists(web: Web) -> None:
    assert list(FATES) == ENDS
    described = (await web.get("/openapi.json")).json()["info"]["description"]
    assert [f"- `{msisdn[3:]}`: {fate.what}\n" in described for msisdn, fate in FATES.items()] == [True] * 8

    await web.running.subscribers(ENDS)
    found = {msisdn[-1]: await answers_to(web, msisdn) for msisdn in ENDS}
    assert found == {
        "1": ["undelivered"], "2": ["expired"], "3": [], "4": [], "5": ["queued"], "6": ["accepted"],
        "7": ["accepted"], "8": ["delivered"],
    }  # fmt: skip
    assert (await web.get(f"/simulator/handsets/{ENDS[2]}/outbox")).json()["messages"][0]["status"] == "failed"
    await web.running.advance(hours=1)
    later = {msisdn[-1]: [str(one.status) for one in await web.running.received(msisdn)] for msisdn in ENDS}
    assert later == {**found, "4": ["delivered"], "5": ["delivered"], "7": ["delivered"]}


async def test_the_attempts_and_reports_of_fates(web: Web) -> None:
    await web.running.subscribers(ENDS)

    async def told(msisdn: str) -> dict[str, list[dict[str, object]]]:
        await answers_to(web, msisdn, after=3600)
        [message] = await web.running.received(msisdn)
        found: dict[str, list[dict[str, object]]] = (await web.get(f"/api/v1/messages/{message.id}")).json()
        return found

    assert [one["result"] for one in (await told(ENDS[3]))["failed_attempts"]] == ["refused for now"] * 2
    assert [one["result"] for one in (await told(ENDS[4]))["failed_attempts"]] == ["unknown"]
    assert [one["status"] for one in (await told(ENDS[7]))["reports"]] == ["delivered", "undelivered"]


async def test_what_is_set_for_a_handset_goes_before_its_fate(web: Web) -> None:
    await web.running.subscribers(ENDS)
    home = f"/simulator/handsets/{ENDS[2]}"
    await put(web, f"{home}/faults", {"mode": "ok"})
    assert await answers_to(web, ENDS[2]) == ["delivered"]
    await web.call("DELETE", f"{home}/faults")
    assert await answers_to(web, ENDS[2]) == ["delivered"], "the second one is refused"
    await put(web, f"/simulator/handsets/{ENDS[0]}/delivery", {"report": "delivered"})
    assert await answers_to(web, ENDS[0]) == ["delivered"]
