"""Long messages in parts, as carriers post them (http-api.md, webhooks)."""

import pytest

from app.db.inbox import inbound_message
from tests.web.calls import Web, assert_problem, message

pytestmark = pytest.mark.anyio
THREE = {"concat_ref": 7, "concat_total": 3}


def cut(*texts: str, **fields: object) -> list[dict[str, object]]:
    total = len(texts)
    return [
        message(text, f"part-{number}", concat_ref=7, concat_total=total, concat_part=number, **fields)
        for number, text in enumerate(texts, 1)
    ]


async def tickets(web: Web) -> list[str]:
    return [ticket["text"] for ticket in (await web.get("/api/v1/tickets", kind="complaint")).json()["tickets"]]


async def test_parts_are_accepted_one_by_one_and_repeats_recognised(web: Web) -> None:
    first, second = cut("TS 乱扣", "费")
    answers = [await web.inbound(one) for one in (second, second, first, first)]
    await web.running.drain()
    again = await web.inbound(second)

    assert [answer.status_code for answer in answers] == [202, 200, 202, 200]
    assert again.json() == answers[1].json() == {"id": answers[0].json()["id"], "status": "duplicate"}
    assert await tickets(web) == ["乱扣费"]


async def test_parts_may_share_their_id_but_not_their_part(web: Web) -> None:
    answers = [
        await web.inbound({**one, "message_id": "same"}) for one in (*cut("TS 乱扣", "费"), *cut("TS 乱扣", "费"))
    ]
    await web.running.drain()
    assert [answer.status_code for answer in answers] == [202, 202, 200, 200]
    assert len({answer.json()["id"] for answer in answers}) == 2
    assert await tickets(web) == ["乱扣费"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"udh": "0500034C0201"}, {"udh": "0500034C0202"}),
        ({"udh": "060804034C0201"}, {"udh": "06 08 04 03 4c 02 02"}),
        ({"concat_ref": "76", "concat_total": "2", "concat_part": "1"}, {"udh": "0500034C0202"}),
        (
            {"concat_ref": 2**40, "concat_total": 2, "concat_part": 1, "udh": None},
            {"concat_ref": 2**40, "concat_total": 2, "concat_part": 2, "udh": ""},
        ),
    ],
)
async def test_a_user_data_header_describes_a_part_too(
    web: Web, first: dict[str, object], second: dict[str, object]
) -> None:
    answer = await web.inbound([{**message("费", "b"), **second}, {**message("TS 乱扣", "a"), **first}])
    assert [item["status"] for item in answer.json()] == ["accepted", "accepted"]
    await web.running.drain()
    assert await tickets(web) == ["乱扣费"]


@pytest.mark.parametrize(
    "fields",
    [{}, {"udh": "06050400000000"}, {"udh": "0500034C0101"}, {"concat_ref": 7, "concat_total": 1, "concat_part": 1}],
)
async def test_a_message_that_is_not_a_part_is_whole(web: Web, fields: dict[str, object]) -> None:
    assert (await web.inbound({**message("QXCL"), **fields})).status_code == 202
    await web.running.drain()
    assert (await web.running.states())["CL"] == "ended"


@pytest.mark.parametrize(
    "fields",
    [
        {"concat_total": 3, "concat_part": 1},
        {"concat_ref": 7, "concat_part": 1},
        {"concat_ref": 7, "concat_total": 3},
        {**THREE, "concat_part": 0},
        {**THREE, "concat_part": 4},
        {**THREE, "concat_part": -1},
        {**THREE, "concat_part": 1.5},
        {**THREE, "concat_part": "one"},
        {**THREE, "concat_part": [1]},
        {**THREE, "concat_part": 10**30},
        {"concat_ref": 7, "concat_total": 256, "concat_part": 1},
        {"concat_ref": 7, "concat_total": 0, "concat_part": 0},
        {"concat_ref": -1, "concat_total": 3, "concat_part": 1},
        {"concat_ref": 2**63, "concat_total": 3, "concat_part": 1},
        {"udh": "0500034C02"},
        {"udh": "0500034C0203"},
        {"udh": "0500034C0200"},
        {"udh": "05000"},
        {"udh": "XGMM#135790#246813"},
        {"udh": 5},
        {"udh": "00" * 600},
        {**THREE, "concat_part": 1, "udh": "05"},
    ],
)
async def test_invalid_part_fields_are_refused_with_a_detail_and_nothing_is_stored(
    web: Web, fields: dict[str, object]
) -> None:
    answer = await web.inbound({**message("QX"), **fields})
    assert_problem(answer, 422)
    assert "135790" not in answer.text
    several = await web.inbound([{**message("CL", "b"), **fields}, message("0000", "c")])
    invalid, accepted = several.json()
    assert (invalid["status"], accepted["status"]) == ("invalid", "accepted")
    assert len(invalid["detail"]) > 10
    assert await web.running.count(inbound_message) == 1


async def test_half_a_surrogate_pair_in_each_part_is_one_character(web: Web) -> None:
    for number, text in ((2, "\\ude00。"), (1, "TS 好\\ud83d")):
        content = f'{{"message_id": "m{number}", "from": "13800138000", "to": "10086", "text": "{text}", "concat_ref": 1, "concat_total": 2, "concat_part": {number}}}'
        assert (await web.inbound(content=content)).status_code == 202
    await web.running.drain()
    assert await tickets(web) == ["好😀。"]


async def test_staff_see_parts_and_the_joined_message(web: Web) -> None:
    [first, second] = [(await web.inbound(one)).json()["id"] for one in cut("QX", "CL")]
    lost = (await web.inbound(message("QXHT", "lost", concat_ref=8, concat_total=3, concat_part=2))).json()["id"]
    await web.running.drain()

    async def found() -> dict[str, dict[str, object]]:
        listed = (await web.get("/api/v1/messages", msisdn="13800138000", direction="mo")).json()["messages"]
        return {item["id"]: item for item in listed}

    seen = await found()
    assert (seen[lost]["status"], seen[lost]["part"], seen[lost]["parts"]) == ("pending", 2, 3)
    [whole] = [item for id_, item in seen.items() if id_ not in (first, second, lost)]
    assert (whole["text"], whole["status"]) == ("QXCL", "handled")
    assert {"part", "parts", "missing"} & set(whole) == set()
    assert (seen[second]["status"], seen[second]["verdict"]) == ("joined", f"part of {whole['id']}")
    joined = (await web.get("/api/v1/messages", status="joined")).json()["messages"]
    assert {item["id"] for item in joined} == {first, second}

    await web.running.advance(minutes=5)
    [told] = [item for item in (await found()).values() if "missing" in item]
    assert (told["missing"], told["verdict"], told["text"]) == (2, "incomplete", "QXHT")
    assert (await web.get(f"/api/v1/messages/{told['id']}")).json()["missing"] == 2
    assert 'smsgw_inbound_unused_total{reason="incomplete"}' in (await web.get("/metrics")).text


async def test_a_simulated_handset_can_send_parts(web: Web) -> None:
    path = "/simulator/handsets/13800138000/messages"
    for number, text in ((2, "CL"), (1, "QX")):
        body = {"to": "10086", "text": text, "concat_ref": 1, "concat_total": 2, "concat_part": number}
        assert (await web.call("POST", path, body)).status_code == 202
    await web.running.drain()
    assert (await web.running.states())["CL"] == "ended"
    assert_problem(await web.call("POST", path, {"to": "10086", "text": "QX", "udh": "0500"}), 422)


async def test_the_reference_describes_the_fields(web: Web) -> None:
    document = (await web.get("/openapi.json")).json()
    for path in ("/webhooks/{provider}/inbound", "/simulator/handsets/{msisdn}/messages"):
        described = str(document["paths"][path]["post"]["requestBody"])
        for field in ("concat_ref", "concat_total", "concat_part", "udh"):
            assert field in described
