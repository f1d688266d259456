"""Events for SPs and billing over the management API (safety.md 15)."""

import pytest

from tests.running import ALICE
from tests.web.calls import Web, assert_problem

pytestmark = pytest.mark.anyio


async def test_a_receiver_reads_its_events_page_by_page(web: Web) -> None:
    for text in ("QXSJB", "QXTQ", "QXCL"):
        await web.running.say(text)
    first = (await web.get("/api/v1/events", limit="2")).json()
    rest = (await web.get("/api/v1/events", after=first["next_cursor"])).json()
    events = [*first["events"], *rest["events"]]

    assert [one["data"]["service_code"] for one in events] == ["SJB", "TQ", "CL"]
    assert [one["receiver"] for one in events] == ["sp:XINHUA", "sp:MOJI", "sp:CMCC"]
    assert {one["data"]["msisdn"] for one in events} == {ALICE}
    assert {one["type"] for one in events} == {"subscription.unsubscribed"}
    assert events[0]["timestamp"] == "2026-03-02T10:00:00+08:00"
    assert rest["next_cursor"] is None
    assert (await web.get("/api/v1/events", after=events[-1]["id"])).json()["events"] == []
    of_one = (await web.get("/api/v1/events", receiver="sp:MOJI")).json()["events"]
    assert [one["id"] for one in of_one] == [events[1]["id"]]
    by_cursor = (await web.get("/api/v1/events", cursor=first["next_cursor"])).json()
    assert [one["id"] for one in by_cursor["events"]] == [one["id"] for one in rest["events"]]


async def test_billing_s_token_reads_billing_s_events_only(web: Web) -> None:
    token = await web.token("billing:write")
    await web.running.say("QXSJB")
    assert (await web.call("GET", "/api/v1/events", token=token)).json() == {"events": [], "next_cursor": None}
    assert_problem(await web.call("GET", "/api/v1/events", token=token, params={"receiver": "sp:XINHUA"}), 403)
    answer = await web.call("GET", "/api/v1/events", token=token, params={"receiver": "billing"})
    assert answer.json() == {"events": [], "next_cursor": None}
    everything = await web.call("GET", "/api/v1/events", token=await web.token("read"))
    assert everything.status_code == 200


async def test_only_an_undelivered_event_can_be_sent_again(web: Web) -> None:
    for nobody in ("no-such-event", "9999999999999999999", "1858489345896349696"):
        assert_problem(await web.call("POST", f"/api/v1/events/{nobody}/retry"), 404)


@pytest.mark.parametrize("given", [{"after": "x"}, {"receiver": "sp:"}, {"status": "lost"}, {"limit": "0"}])
async def test_an_invalid_filter_is_refused_by_name(web: Web, given: dict[str, str]) -> None:
    assert_problem(await web.get("/api/v1/events", **given), 422)
