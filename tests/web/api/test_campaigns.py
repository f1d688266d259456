"""Campaigns and consents over the API: rules, counts and crash recovery (flows.md 15)."""

import asyncio

import pytest
from sqlalchemy import update

from app.commands.outreach.campaigns import SendCampaignMessage
from app.db.campaigns import campaign_recipient
from app.domain.account import Brand, Payment, SubscriberStatus
from app.domain.messages import MessageClass
from app.settings import Settings
from tests.running import ALICE, BOB, START
from tests.web.calls import ALICE_HOME, Web, assert_problem, serving

pytestmark = pytest.mark.anyio
CAMPAIGNS = "/api/v1/campaigns"
NOBODY = "+8613700137000"
NOTHING = {"waiting": 0, "queued": 0, "held": 0, "sent": 0, "failed": 0, "recalled": 0, "skipped": {}}


async def start(web: Web, text: str = "祝您节日快乐", kind: str = "care", **whom: object) -> str:
    answer = await web.call("POST", CAMPAIGNS, {"class": kind, "text": text, **whom})
    assert answer.status_code == 202, answer.text
    await web.running.drain()
    return str(answer.json()["id"])


async def counts(web: Web, campaign_id: str) -> dict[str, object]:
    answer = (await web.get(f"{CAMPAIGNS}/{campaign_id}")).json()
    assert answer["done_at"] is not None
    return dict(answer["counts"])


async def test_each_number_of_a_list_gets_it_once_and_is_counted(web: Web) -> None:
    campaign_id = await start(web, msisdns=["13800138000", "+8613800138000", BOB, NOBODY])
    assert await counts(web, campaign_id) == NOTHING | {"sent": 2, "skipped": {"not_a_customer": 1}}
    for msisdn in (ALICE, BOB):
        [message] = await web.running.received(msisdn)
        assert message.service_number == "10086888"
        assert message.text == "祝您节日快乐中国移动"
    again = await start(web, text="满意度调查", msisdns=[ALICE])
    assert await counts(web, again) == NOTHING | {"skipped": {"monthly_cap": 1}}


async def test_a_segment_is_everybody_who_matches_now(web: Web) -> None:
    numbers = [f"+86138002{number:05}" for number in range(450)]
    await asyncio.gather(*map(web.running.subscriber, numbers))
    gold = [f"+86138003{number:05}" for number in range(3)]
    for msisdn in gold:
        await web.running.subscriber(msisdn, brand=Brand.GOTONE, vip=True, payment=Payment.POSTPAID)
    await web.running.subscriber("+8613800399999", brand=Brand.GOTONE, vip=True)
    await web.running.subscriber(gold[0], status=SubscriberStatus.CLOSED)
    of_gold = await start(web, segment={"brand": "gotone", "vip": True, "payment": "postpaid"})
    assert await counts(web, of_gold) == NOTHING | {"sent": 2}
    of_all = await start(web, text="新年快乐", segment={"payment": "prepaid"})
    assert await counts(web, of_all) == NOTHING | {"sent": 452}, "450, Alice, and one of gotone"
    shown = (await web.get(f"{CAMPAIGNS}/{of_gold}")).json()
    assert shown["segment"] == {"brand": "gotone", "vip": True, "payment": "postpaid", "language": None}


async def test_at_night_it_is_held_and_its_outcome_is_counted(web: Web) -> None:
    await web.running.advance_to("2026-03-02 22:30")
    campaign_id = await start(web, msisdns=[ALICE, BOB])
    assert await counts(web, campaign_id) == NOTHING | {"held": 2}
    await web.running.subscriber(BOB, status=SubscriberStatus.CLOSED)
    await web.running.advance_to("2026-03-03 07:00")
    assert await counts(web, campaign_id) == NOTHING | {"sent": 1, "recalled": 1}
    assert await web.running.received(BOB) == []


async def test_what_the_network_refuses_is_counted_as_failed(web: Web) -> None:
    await web.running.faults("reject")
    campaign_id = await start(web, msisdns=[ALICE])
    assert await counts(web, campaign_id) == NOTHING | {"failed": 1}


async def test_marketing_goes_to_those_who_agreed_until_they_take_it_back(web: Web) -> None:
    before = await start(web, kind="marketing", msisdns=[ALICE, BOB])
    assert await counts(web, before) == NOTHING | {"skipped": {"no_consent": 2}}
    given = await web.call("PUT", f"{ALICE_HOME}/consents/marketing", {"source": "营业厅签字"})
    assert (given.json()["msisdn"], given.json()["marketing"]) == (ALICE, "given")
    after = await start(web, kind="marketing", text="新套餐优惠", msisdns=[ALICE, BOB])
    assert await counts(web, after) == NOTHING | {"sent": 1, "skipped": {"no_consent": 1}}
    [offer] = await web.running.texts()
    assert offer == "新套餐优惠拒收请回复TD至10086888。中国移动"

    for _ in range(2):
        taken = await web.call("DELETE", f"{ALICE_HOME}/consents/marketing")
        assert taken.json() == {"msisdn": ALICE, "marketing": "withdrawn"}
    await web.running.advance_to("2026-04-02 10:00")
    last = await start(web, kind="marketing", msisdns=[ALICE])
    assert await counts(web, last) == NOTHING | {"skipped": {"no_consent": 1}}
    evidence = (await web.get(f"{ALICE_HOME}/evidence")).json()["evidence"]
    consents = [one for one in evidence if one["subject"] == "marketing"]
    assert [one["kind"] for one in consents] == ["consent-given", "consent-withdrawn"]
    assert consents[0]["payload"]["source"] == "营业厅签字"


async def test_a_consent_does_not_pass_to_the_next_customer(web: Web) -> None:
    await web.call("PUT", f"{ALICE_HOME}/consents/marketing", {"source": "网上"})
    await web.running.subscriber(ALICE, status=SubscriberStatus.CLOSED)
    await web.running.subscriber(ALICE)
    campaign_id = await start(web, kind="marketing", msisdns=[ALICE])
    assert await counts(web, campaign_id) == NOTHING | {"skipped": {"no_consent": 1}}


async def test_a_batch_interrupted_by_a_crash_reaches_nobody_twice(settings: Settings) -> None:
    async with serving(settings) as web:
        await web.running.faults("ok")
        campaign_id = await start(web, msisdns=[ALICE, BOB])
        # As if the process had died between the turns and recording them.
        forget = update(campaign_recipient).values(status="waiting", reason=None)
        await web.running.gateway.storage.database.write(lambda connection: connection.execute(forget))
        stimulus = SendCampaignMessage(campaign_id, MessageClass.CARE, "祝您节日快乐", START)
        assert await web.running.gateway.turning.turns.carry_out(ALICE, stimulus) is None
        assert len(await web.running.received(ALICE)) == 1


async def test_campaigns_are_listed_newest_first(web: Web) -> None:
    ids = [await start(web, text=f"问候{number}", msisdns=[BOB]) for number in range(3)]
    first = (await web.get(CAMPAIGNS, limit="2")).json()
    rest = (await web.get(CAMPAIGNS, cursor=first["next_cursor"])).json()
    assert [one["id"] for one in (*first["campaigns"], *rest["campaigns"])] == ids[::-1]
    assert rest["next_cursor"] is None
    assert first["campaigns"][0]["class"] == "care"
    assert first["campaigns"][0]["text"] == "问候2"


async def test_creating_one_needs_admin_and_only_care_reads_its_text(web: Web) -> None:
    body = {"class": "care", "text": "祝您节日快乐", "msisdns": [ALICE]}
    for scope in ("read", "care", "directory:write"):
        assert_problem(await web.call("POST", CAMPAIGNS, body, token=await web.token(scope)), 403)
    campaign_id = await start(web, msisdns=[ALICE])
    reader = await web.token("read", "billing:write")
    answer = (await web.call("GET", f"{CAMPAIGNS}/{campaign_id}", token=reader)).json()
    assert answer["text"] is None
    for unknown in ("no-such-campaign", "9999999999999999999", "1858489346198339584"):
        assert_problem(await web.get(f"{CAMPAIGNS}/{unknown}"), 404)


@pytest.mark.parametrize(
    "wrong",
    [
        {"class": "notice"}, {"text": ""}, {"text": " "}, {"text": "长" * 281}, {"text": "一\n二"}, {"msisdns": []},
        {"msisdns": ["12345"]}, {"segment": {"brand": "gotone"}}, {"msisdns": None, "segment": {}},
        {"msisdns": None, "segment": {"brand": "other"}}, {"msisdns": None, "segment": {"age": 30}}, {"msisdns": None},
        {"at": "2026-03-03"},
    ],
)  # fmt: skip
async def test_a_wrong_campaign_is_refused_and_nothing_is_sent(web: Web, wrong: dict[str, object]) -> None:
    body = {"class": "care", "text": "祝您节日快乐", "msisdns": [ALICE], **wrong}
    assert_problem(await web.call("POST", CAMPAIGNS, {k: v for k, v in body.items() if v is not None}), 422)
    assert (await web.get(CAMPAIGNS)).json()["campaigns"] == []


async def test_ten_thousand_numbers_fit(web: Web) -> None:
    numbers = [f"+86139{number:08}" for number in range(10_000)]
    answer = await web.call("POST", CAMPAIGNS, {"class": "care", "text": "祝您节日快乐", "msisdns": numbers})
    assert answer.status_code == 202
    await web.running.drain()
    assert await counts(web, answer.json()["id"]) == NOTHING | {"skipped": {"not_a_customer": 10_000}}


@pytest.mark.parametrize("body", [{}, {"source": ""}, {"source": "x" * 201}, {"source": "a\nb"}, {"sauce": "x"}])
async def test_a_consent_says_where_it_was_given(web: Web, body: dict[str, str]) -> None:
    assert_problem(await web.call("PUT", f"{ALICE_HOME}/consents/marketing", body), 422)
    nobody = "/api/v1/subscribers/13700137000/consents/marketing"
    assert_problem(await web.call("PUT", nobody, {"source": "网上"}), 404)
    assert_problem(await web.call("DELETE", nobody), 404)
