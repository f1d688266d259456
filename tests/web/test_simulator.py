"""The simulated handset network over HTTP, call by call (http-api.md, simulator)."""

import asyncio
import itertools
import re
from datetime import datetime, timedelta

import pytest

from app.db.outbound_messages import outbound_message
from app.settings import Environment, SettingsFile
from tests.running import ALICE, BOB, START, options_of, settings_for
from tests.services.carriers import use
from tests.web.calls import ALICE_HOME, SHANGHAI_START, Web, assert_problem, serving

pytestmark = pytest.mark.anyio
HANDSET = "/simulator/handsets/13800138000"
SIMULATOR = {"provider": "simulator", "provider_kind": "simulator"}
SECRET = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
CONTROL = [
    ("POST", "/simulator/drain", None),
    ("GET", "/simulator/clock", None),
    ("PUT", "/simulator/clock", {"now": SHANGHAI_START}),
    ("POST", "/simulator/clock/advance", {"seconds": 1}),
    ("POST", "/simulator/clock/run", None),
    ("POST", "/simulator/reset", None),
    ("PUT", "/simulator/faults", {"mode": "ok", "rate": 1}),
    ("PUT", "/simulator/delivery", {"report": "none"}),
]


async def send(web: Web, text: str = "0000", to: str = "10086", **fields: object) -> None:
    """Send a text from the handset and wait until everything that follows is done."""
    answer = await web.call("POST", f"{HANDSET}/messages", {"to": to, "text": text, **fields}, token=None)
    assert answer.status_code in (200, 202), answer.text
    assert (await web.call("POST", "/simulator/drain")).json() == {"idle": True}


async def thread(web: Web, **params: str) -> list[dict[str, object]]:
    answer = await web.call("GET", f"{HANDSET}/messages", token=None, params=params)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, object]] = answer.json()["messages"]
    return found


# ---- handsets


async def test_a_message_of_a_handset_is_answered_as_a_webhook_s(web: Web) -> None:
    answer = await web.call("POST", f"{HANDSET}/messages", {"to": "10086", "text": "0000"}, token=None)
    assert answer.status_code == 202
    assert answer.json()["status"] == "accepted"
    await web.call("POST", "/simulator/drain")

    mo, first, second = await thread(web)
    assert mo == {
        "id": answer.json()["id"], "direction": "mo", "from": ALICE, "to": "10086", "text": "0000", "segments": 1,
        "encoding": "gsm7", "at": SHANGHAI_START, "status": mo["status"], **SIMULATOR,
    }  # fmt: skip
    assert first == {
        "id": first["id"], "direction": "mt", "from": "10086977", "to": ALICE, "text": first["text"], "segments": 3,
        "encoding": "ucs2", "at": SHANGHAI_START, "status": "delivered", "in_reply_to": mo["id"],
        **SIMULATOR,
    }  # fmt: skip
    assert str(first["text"]).startswith("尊敬的神州行客户，您好！")
    assert second["in_reply_to"] == mo["id"]


async def test_a_message_id_that_was_sent_before_has_no_further_effect(web: Web) -> None:
    body = {"to": "10086", "text": "0000", "message_id": "mine"}
    first = await web.call("POST", f"{HANDSET}/messages", body)
    second = await web.call("POST", f"{HANDSET}/messages", body)
    assert (second.status_code, second.json()) == (200, {"id": first.json()["id"], "status": "duplicate"})
    await web.call("POST", "/simulator/drain")
    assert len(await thread(web)) == 3


async def test_a_message_without_an_id_is_always_new(web: Web) -> None:
    await send(web, "帮助")
    await send(web, "帮助")
    assert len(await thread(web)) == 4


@pytest.mark.parametrize(
    "body", [{}, {"to": "10086"}, {"text": "0000"}, {"to": "", "text": "0000"}, [], "0000", None, 5]
)
async def test_an_invalid_message_is_refused(web: Web, body: object) -> None:
    assert_problem(await web.call("POST", f"{HANDSET}/messages", body), 422)


@pytest.mark.parametrize("content", ["", "{", "\x00", "[" * 20_000])
async def test_invalid_json_is_refused(web: Web, content: str) -> None:
    assert_problem(await web.call("POST", f"{HANDSET}/messages", content=content), 422)


@pytest.mark.parametrize(("text", "shown"), [("\\ud83d", "␛D83D"), ("0\\u0000", "0␛0"), ("😀", "😀")])
async def test_a_handset_may_send_any_text(web: Web, text: str, shown: str) -> None:
    content = f'{{"to": "10086", "text": "{text}"}}'
    assert (await web.call("POST", f"{HANDSET}/messages", content=content)).status_code == 202
    await web.call("POST", "/simulator/drain")
    sent, _ = await thread(web)
    assert (sent["text"], sent["segments"], sent["encoding"]) == (shown, 1, "ucs2")


@pytest.mark.parametrize("given", ["13800138000", "+8613800138000", "8613800138000", "008613800138000"])
async def test_a_handset_is_known_by_every_form_of_its_number(web: Web, given: str) -> None:
    await send(web)
    answer = await web.get(f"/simulator/handsets/{given}/messages")
    assert len(answer.json()["messages"]) == 3


@pytest.mark.parametrize("given", ["13700137000", "nobody", "10086", "%00", "+"])
async def test_the_thread_of_an_unknown_handset_is_empty(web: Web, given: str) -> None:
    answer = await web.get(f"/simulator/handsets/{given}/messages")
    assert (answer.status_code, answer.json()) == (200, {"messages": []})


async def test_a_thread_is_read_in_pages_behind_a_message(web: Web) -> None:
    await send(web)
    whole = await thread(web)
    assert await thread(web, limit="2") == whole[:2]
    assert await thread(web, after=str(whole[1]["id"])) == whole[2:]
    assert await thread(web, after=str(whole[0]["id"]), limit="1") == whole[1:2]
    assert await thread(web, after=str(whole[2]["id"])) == []


@pytest.mark.parametrize("after", ["nothing", "1000000000000000000", "9999999999999999999", "\x00", "'", ""])
async def test_nothing_follows_an_unknown_message(web: Web, after: str) -> None:
    await send(web)
    answer = await web.get(f"{HANDSET}/messages", after=after)
    assert answer.status_code in (200, 422)
    if answer.status_code == 200:
        assert answer.json() == {"messages": []}


@pytest.mark.parametrize("limit", ["0", "501", "x", "-1"])
async def test_a_page_has_between_one_and_500_messages(web: Web, limit: str) -> None:
    assert_problem(await web.get(f"{HANDSET}/messages", limit=limit), 422)


async def test_handsets_that_have_a_thread_are_listed_the_latest_first(web: Web) -> None:
    assert (await web.get("/simulator/handsets")).json() == {"handsets": []}
    await send(web)
    await web.call("POST", "/simulator/clock/advance", {"seconds": 1})
    await web.call("POST", "/simulator/handsets/13900139000/messages", {"to": "10086", "text": "0000"})
    await web.call("POST", "/simulator/drain")

    handsets = (await web.get("/simulator/handsets")).json()["handsets"]
    assert [(one["msisdn"], one["messages"]) for one in handsets] == [("+8613900139000", 2), (ALICE, 3)]


async def test_a_message_to_the_webhook_is_in_the_thread_of_the_handset_that_gets_the_answer(web: Web) -> None:
    body = {"message_id": "m", "from": "13800138000", "to": "10086", "text": "YE"}
    stored = [(await web.inbound(body)).json()["id"] for _ in range(2)]
    await web.call("POST", "/simulator/drain")
    mo, mt = await thread(web)
    assert (mo["id"], mo["direction"], mo["text"], mo["to"]) == (stored[0], "mo", "YE", "10086")
    assert (mt["direction"], mt["in_reply_to"]) == ("mt", stored[1])
    assert (mo["provider"], mt["provider"]) == ("generic", "simulator")


async def test_of_a_message_to_the_webhook_the_thread_shows_no_password(web: Web) -> None:
    await web.inbound({"message_id": "m", "from": "13800138000", "to": "10086", "text": "XGMM#135790#246813#246813"})
    await web.call("POST", "/simulator/drain")
    mo, *_ = await thread(web)
    assert mo["direction"] == "mo"
    assert str(mo["text"]).startswith("XGMM")
    assert not {"135790", "246813"} & set(re.findall(r"\d+", str(mo["text"])))


@pytest.mark.parametrize("sender", ["nobody", "10010", "+447700900123"])
async def test_what_the_webhook_got_from_no_customer_makes_no_handset(web: Web, sender: str) -> None:
    assert (await web.inbound({"message_id": "m", "from": sender, "to": "10086", "text": "YE"})).status_code == 202
    await web.call("POST", "/simulator/drain")
    assert (await web.get("/simulator/handsets")).json() == {"handsets": []}


async def test_what_a_carrier_answers_itself_is_in_no_thread(unused_sqlite_url: str) -> None:
    """Neither the answer nor the message: its handset is a real one."""
    carrier = options_of(kind="generic", secret=SECRET, send_url="https://carrier.example/send")
    file = SettingsFile(providers={"carrier": carrier}, default_provider="carrier")
    async with serving(settings_for(unused_sqlite_url, file=file)) as web:
        await web.inbound({"message_id": "m", "from": "13800138000", "to": "10086", "text": "YE"})
        assert await thread(web) == []


async def test_an_outbound_message_is_in_the_thread_once_the_network_accepted_it(web: Web) -> None:
    await web.call("PUT", "/simulator/faults", {"mode": "error", "rate": 1, "count": 1})
    await send(web)
    assert [message["direction"] for message in await thread(web)] == ["mo"]
    await web.call("POST", "/simulator/clock/advance", {"seconds": 60})
    assert [message["direction"] for message in await thread(web)] == ["mo", "mt", "mt"]


# ---- drain


async def test_drain_returns_when_nothing_is_left(web: Web) -> None:
    await asyncio.gather(*(web.call("POST", f"{HANDSET}/messages", {"to": "10086", "text": "0000"}) for _ in range(20)))
    assert (await web.call("POST", "/simulator/drain", {"timeout_seconds": 20})).json() == {"idle": True}
    assert len(await thread(web)) == 60


async def test_drain_accepts_no_body_or_an_empty_one_but_no_wrong_one(web: Web) -> None:
    assert (await web.call("POST", "/simulator/drain")).json() == {"idle": True}
    assert (await web.call("POST", "/simulator/drain", {})).json() == {"idle": True}
    for body in (
        {"timeout_seconds": 0},
        {"timeout_seconds": -1},
        {"timeout_seconds": "soon"},
        {"timeout": 1},
        {"timeout_seconds": 301},
    ):
        assert_problem(await web.call("POST", "/simulator/drain", body), 422)


async def test_drain_reports_a_timeout(web: Web) -> None:
    await web.running.faults("error")
    await send(web)
    await web.running.lease_all(datetime.now(START.tzinfo) + timedelta(minutes=1), by="elsewhere")
    assert (await web.call("POST", "/simulator/drain", {"timeout_seconds": 0.05})).json() == {
        "idle": False,
        "waiting": {"messages to send": 2},
    }


# ---- the clock


async def test_the_clock_stays_where_it_is_set(web: Web) -> None:
    await web.call("POST", "/simulator/reset")
    free = (await web.get("/simulator/clock")).json()
    assert free["frozen"] is False
    answer = await web.call("PUT", "/simulator/clock", {"now": "2020-02-29T12:00:00"})
    assert answer.json() == {"now": "2020-02-29T12:00:00+08:00", "frozen": True}
    assert (await web.get("/simulator/clock")).json() == answer.json()


async def test_the_clock_goes_back_only_right_after_a_reset(web: Web) -> None:
    assert_problem(await web.call("PUT", "/simulator/clock", {"now": "2026-03-02T09:59:59+08:00"}), 409)
    assert (await web.call("PUT", "/simulator/clock", {"now": SHANGHAI_START})).status_code == 200
    await web.call("POST", "/simulator/reset")
    assert (await web.call("PUT", "/simulator/clock", {"now": "2001-01-01T00:00:00Z"})).status_code == 200
    assert_problem(await web.call("PUT", "/simulator/clock", {"now": "2000-12-31T23:59:59Z"}), 409)


async def test_a_clock_that_runs_again_goes_on_from_where_it_stood(web: Web) -> None:
    stood = datetime.fromisoformat(SHANGHAI_START)
    answer = (await web.call("POST", "/simulator/clock/run")).json()
    assert answer["frozen"] is False

    async def ahead() -> timedelta:
        return datetime.fromisoformat((await web.get("/simulator/clock")).json()["now"]) - stood

    first = await ahead()
    assert timedelta(0) < first < timedelta(hours=1)
    assert (await web.call("POST", "/simulator/clock/run")).json()["frozen"] is False, "it runs already"
    assert first < await ahead() < timedelta(hours=1)
    await send(web)
    advanced = (await web.call("POST", "/simulator/clock/advance", {"seconds": 3600})).json()
    assert advanced["frozen"] is True
    assert timedelta(hours=1) < datetime.fromisoformat(advanced["now"]) - stood < timedelta(hours=2)
    await web.call("POST", "/simulator/reset")
    assert datetime.fromisoformat((await web.get("/simulator/clock")).json()["now"]) - stood > timedelta(days=30)


@pytest.mark.parametrize("year", [2020, 2090])
async def test_what_falls_due_while_the_clock_runs_is_done(web: Web, year: int) -> None:
    """Whether it is behind the machine's or ahead of it."""
    await web.call("POST", "/simulator/reset", {"fixture": "demo", "now": f"{year}-03-02T10:00:00"})
    await web.call("PUT", "/simulator/delivery", {"report": "undelivered", "delay_seconds": 1})
    await send(web, "帮助")
    assert (await thread(web))[1]["status"] == "accepted"
    await web.call("POST", "/simulator/clock/run")
    async with asyncio.timeout(60):
        while (await thread(web))[1]["status"] == "accepted":  # noqa: ASYNC110  the clock runs
            await asyncio.sleep(0.05)
    assert (await thread(web))[1]["status"] == "undelivered"


async def test_advance_freezes_a_running_clock(web: Web) -> None:
    await web.call("POST", "/simulator/reset")
    answer = await web.call("POST", "/simulator/clock/advance", {"seconds": 3600})
    assert answer.json()["frozen"] is True
    assert (await web.get("/simulator/clock")).json()["now"] == answer.json()["now"]


async def test_advance_goes_by_seconds_or_to_a_time(web: Web) -> None:
    answer = await web.call("POST", "/simulator/clock/advance", {"seconds": 90})
    assert answer.json()["now"] == "2026-03-02T10:01:30+08:00"
    answer = await web.call("POST", "/simulator/clock/advance", {"to": "2026-03-02T04:00:00Z"})
    assert answer.json()["now"] == "2026-03-02T12:00:00+08:00"
    answer = await web.call("POST", "/simulator/clock/advance", {"seconds": 0})
    assert answer.json()["now"] == "2026-03-02T12:00:00+08:00"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"seconds": 1, "to": SHANGHAI_START},
        {"seconds": -1},
        {"seconds": "x"},
        {"seconds": 1e12},
        {"minutes": 1},
        {"to": "tomorrow"},
        None,
    ],
)
async def test_an_invalid_advance_is_refused(web: Web, body: object) -> None:
    assert_problem(await web.call("POST", "/simulator/clock/advance", body), 422)


@pytest.mark.parametrize("content", ['{"seconds": NaN}', '{"seconds": Infinity}', '{"seconds": 1e999}'])
async def test_an_advance_by_a_non_number_is_refused(web: Web, content: str) -> None:
    assert_problem(await web.call("POST", "/simulator/clock/advance", content=content), 422)


async def test_an_advance_goes_forward_only(web: Web) -> None:
    assert_problem(await web.call("POST", "/simulator/clock/advance", {"to": "2026-03-02T09:59:59+08:00"}), 409)


@pytest.mark.parametrize(
    "far", ["0001-01-01T00:00:00+08:00", "1900-01-01T00:00:00Z", "9999-12-31T23:59:59-08:00", "9999-12-31T00:00:00"]
)
async def test_no_time_of_the_clock_stops_the_gateway(web: Web, far: str) -> None:
    await web.call("POST", "/simulator/reset")
    assert_problem(await web.call("PUT", "/simulator/clock", {"now": far}), 422)
    assert_problem(await web.call("POST", "/simulator/clock/advance", {"to": far}), 422)
    await send(web)


async def test_repeated_advances_have_a_limit(web: Web) -> None:
    await web.call("POST", "/simulator/reset")
    assert (await web.call("PUT", "/simulator/clock", {"now": "2196-01-01T00:00:00"})).status_code == 200
    year = {"seconds": 366 * 86400}
    answers = [await web.call("POST", "/simulator/clock/advance", year) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 409, 409, 409]
    await send(web)


async def test_advance_does_what_falls_due_on_the_way(web: Web) -> None:
    await send(web)
    await send(web, "2", "10086977")
    answer = await web.call("POST", "/simulator/clock/advance", {"to": "2026-04-01T00:00:00"})
    assert answer.status_code == 200
    states = (await web.get("/api/v1/subscribers/13800138000/subscriptions")).json()["subscriptions"]
    assert {one["service_code"]: one["state"] for one in states}["SJB"] == "ended"


# ---- reset, faults, delivery


async def test_a_reset_deletes_everything_and_resets_the_network(web: Web) -> None:
    await web.call("PUT", "/simulator/faults", {"mode": "reject", "rate": 1})
    await web.call("PUT", "/simulator/delivery", {"report": "none", "delay_seconds": 5})
    await send(web)
    answer = await web.call("POST", "/simulator/reset", {"fixture": "demo"})
    assert answer.status_code == 200

    assert await thread(web) == []
    handsets = (await web.get("/simulator/handsets")).json()["handsets"]
    assert {one["msisdn"] for one in handsets} <= {"+8618800188000"}, "but for the demo's answered complaint"
    assert (await web.get("/simulator/clock")).json()["frozen"] is False
    await send(web)
    assert [message["status"] for message in (await thread(web))[1:]] == ["delivered", "delivered"]


async def test_a_reset_stops_the_clock_before_the_fixture_is_loaded(web: Web) -> None:
    async def starts(now: str) -> tuple[object, list[str]]:
        answer = await web.call("POST", "/simulator/reset", {"fixture": "demo", "now": now})
        held = (await web.get(f"{ALICE_HOME}/subscriptions")).json()["subscriptions"]
        return answer.json(), [one["started_at"] for one in held]

    stopped = {"status": "loaded", "now": "2025-01-31T23:59:00+08:00", "frozen": True}
    first = await starts("2025-01-31T23:59:00")
    await send(web, "取消", "10086")
    await web.call("POST", "/simulator/clock/advance", {"seconds": 86400})
    assert first[0] == stopped
    assert len(first[1]) == 5
    assert all(start.startswith("202") and start < "2025-02" for start in first[1])
    assert await starts("2025-01-31T23:59:00") == first, "and back in time"
    answer = await web.call("POST", "/simulator/reset", {"now": SHANGHAI_START})
    assert answer.json() == {"status": "empty", "now": SHANGHAI_START, "frozen": True}
    assert (await web.call("POST", "/simulator/reset")).json()["frozen"] is False


async def test_after_each_reset_the_evidence_verifies_and_the_catalogue_is_newer(web: Web) -> None:
    versions: list[int] = []
    for _ in range(3):
        await web.call("POST", "/simulator/reset", {"fixture": "demo", "now": SHANGHAI_START})
        versions.append((await web.running.gateway.simulator.simulation.clock()).catalogue_version)
        await send(web, "取消", "10086")
        for person in (await web.get("/simulator/people")).json()["people"]:
            verified = (await web.get(f"/api/v1/subscribers/{person['msisdn']}/evidence/verify")).json()
            assert verified["ok"] is True, verified
    assert versions == sorted(set(versions))


async def test_a_reset_keeps_tokens_if_asked(web: Web) -> None:
    token = await web.token("admin")
    await web.call("POST", "/simulator/reset", {"fixture": "demo", "keep": ["tokens"]})
    assert (await web.call("GET", ALICE_HOME, token=token)).status_code == 200
    await web.call("POST", "/simulator/reset", {"fixture": "demo"})
    assert_problem(await web.call("GET", ALICE_HOME, token=token), 401)


@pytest.mark.parametrize("body", [{"keep": ["tickets"]}, {"keep": "tokens"}, {"now": "soon"}, {"keep": ["tokens"] * 2}])
async def test_a_reset_to_something_unknown_is_refused(web: Web, body: object) -> None:
    await send(web)
    assert_problem(await web.call("POST", "/simulator/reset", body), 422)
    assert len(await thread(web)) == 3


async def test_a_reset_during_traffic_breaks_no_answer(web: Web) -> None:
    """Each transaction sees all the data from before the reset, or none."""
    headers = {"Authorization": "Bearer demo", "X-Reason": "a test of it"}
    subscriber = {"brand": "gotone", "payment": "postpaid", "balance_fen": 0, "points": 0, "status": "active"}
    resets = 8

    async def calls() -> list[int]:
        found: list[int] = []
        for number in itertools.count():
            given = {**headers, "Idempotency-Key": str(number % 7)}
            for method, path, body in (
                ("PUT", ALICE_HOME, subscriber),
                ("DELETE", f"{ALICE_HOME}/subscriptions/CL", None),
                ("GET", ALICE_HOME, None),
                (
                    "POST",
                    "/webhooks/generic/inbound",
                    {"message_id": str(number), "from": ALICE, "to": "10086", "text": "0000"},
                ),
                ("POST", "/api/v1/bills", {"msisdn": ALICE, "month": "2026-02", "items": []}),
            ):
                answer = await web.client.request(method, path, json=body, headers=given)
                found.append(answer.status_code)
            if over.is_set():
                return found
        return found

    over = asyncio.Event()
    traffic = [asyncio.create_task(calls()) for _ in range(6)]
    answers = [(await web.client.post("/simulator/reset", json={"fixture": "demo"})).status_code for _ in range(resets)]
    over.set()
    assert answers == [200] * resets
    assert not [status for task in traffic for status in await task if status >= 500]


async def test_a_reset_without_a_fixture_leaves_nobody(web: Web) -> None:
    assert (await web.call("POST", "/simulator/reset")).status_code == 200
    assert_problem(await web.get("/api/v1/subscribers/13800138000"), 404)
    assert (await web.call("POST", "/simulator/reset", {})).status_code == 200


async def test_the_people_of_the_demo_are_named_by_what_can_be_tried_with_them(web: Web) -> None:
    await web.call("POST", "/simulator/reset", {"fixture": "demo"})
    people = (await web.call("GET", "/simulator/people", token=None, reason=None)).json()["people"]
    tried = {person["msisdn"]: person["try"]["en"] for person in people}
    assert list(tried)[:2] == [ALICE, BOB]
    assert all(person["try"]["zh"] and person["msisdn"].startswith("+86") for person in people)

    async def says(what: str, text: str) -> list[str]:
        [number] = [msisdn for msisdn, words in tried.items() if what in words]
        return await web.running.say(text, sender=number)

    assert ["1、" in text for text in await says("five services", "0000")] == [True, False]
    assert "没有" in "".join(await says("no services", "0000"))
    first, second = await says("nine services", "0000")
    assert [number for number in range(1, 10) if f"{number}、" in first] == [*range(1, 8)]
    assert [number for number in range(1, 10) if f"{number}、" in second] == [8, 9]
    assert "Dear" in "".join(await says("English", "0000"))
    assert "工单" in "".join(await says("open complaint", "CXTS"))
    assert "停机" in "".join(await says("suspended", "KTYYH"))
    [vip] = [msisdn for msisdn, words in tried.items() if "VIP" in words]
    assert (await web.get(f"/api/v1/subscribers/{vip}")).json()["vip"] is True


async def test_a_gateway_without_the_demo_has_none_of_its_people(web: Web) -> None:
    await web.call("POST", "/simulator/reset")
    assert (await web.get("/simulator/people")).json() == {"people": []}


@pytest.mark.parametrize("body", [{"fixture": "nothing"}, {"fixture": 5}, {"fixtures": "demo"}, {"fixture": "x" * 41}])
async def test_a_reset_to_an_unknown_fixture_is_refused_and_deletes_nothing(web: Web, body: object) -> None:
    await send(web)
    assert_problem(await web.call("POST", "/simulator/reset", body), 422)
    assert len(await thread(web)) == 3


@pytest.mark.parametrize(
    ("mode", "status"),
    [("reject", "failed"), ("throttle", "queued"), ("error", "queued"), ("timeout", "queued"), ("ok", "delivered")],
)
async def test_the_network_answers_as_set(web: Web, mode: str, status: str) -> None:
    given = {"mode": mode, "rate": 1, "count": 1}
    assert (await web.call("PUT", "/simulator/faults", given)).json() == given
    await send(web, "帮助")
    [row] = await web.running.rows(outbound_message)
    assert row["status"] == status
    assert len(await thread(web)) == (2 if mode in {"ok", "timeout"} else 1)


async def test_a_fault_of_rate_zero_never_happens(web: Web) -> None:
    await web.call("PUT", "/simulator/faults", {"mode": "reject", "rate": 0})
    await send(web, "帮助")
    assert len(await thread(web)) == 2


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"mode": "sulk", "rate": 1},
        {"mode": "ok", "rate": 1.1},
        {"mode": "ok", "rate": -1},
        {"mode": "ok", "rate": 1, "count": -1},
    ],
)
async def test_an_invalid_fault_is_refused(web: Web, body: object) -> None:
    assert_problem(await web.call("PUT", "/simulator/faults", body), 422)


@pytest.mark.parametrize("report", ["delivered", "undelivered", "expired"])
async def test_the_network_reports_as_set(web: Web, report: str) -> None:
    given = {"report": report, "delay_seconds": 60}
    assert (await web.call("PUT", "/simulator/delivery", given)).json() == given
    await send(web, "帮助")
    assert (await thread(web))[1]["status"] == "accepted"
    await web.call("POST", "/simulator/clock/advance", {"seconds": 60})
    assert (await thread(web))[1]["status"] == report


@pytest.mark.parametrize(
    "body",
    [{}, {"report": "lost"}, {"report": "none", "delay_seconds": -1}, {"report": "none", "delay_seconds": 10**9}],
)
async def test_an_invalid_report_is_refused(web: Web, body: object) -> None:
    assert_problem(await web.call("PUT", "/simulator/delivery", body), 422)


# ---- where it exists


@pytest.mark.parametrize(("method", "path", "body"), CONTROL)
async def test_in_dev_the_control_calls_are_not_found(
    unused_sqlite_url: str, method: str, path: str, body: object
) -> None:
    file = SettingsFile(providers={"simulator": options_of(kind="simulator")}, default_provider="simulator")
    async with serving(settings_for(unused_sqlite_url, Environment.DEV, file)) as web:
        assert_problem(await web.call(method, path, body, token=None), 404)
        assert_problem(await web.call(method, path, {"nonsense": 1}, token=None), 404)
        assert (await web.get("/simulator/handsets")).status_code == 200


async def test_without_a_simulator_its_routes_are_not_found(
    unused_sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = use(monkeypatch, unused_sqlite_url).file
    async with serving(settings_for(unused_sqlite_url, Environment.DEV, file)) as web:
        for method, path, body in (
            *CONTROL,
            ("GET", "/simulator/handsets", None),
            ("GET", f"{HANDSET}/messages", None),
        ):
            assert_problem(await web.call(method, path, body, token=None), 404)
