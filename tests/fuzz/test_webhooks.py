"""Webhooks of every kind, with changed requests of the real carriers: refused and nothing stored, or stored and told."""

import io
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.domain.escape import escape
from tests.effort import tries
from tests.fuzz.carriers import KINDS_THAT_CALL, Carrier, every_carrier
from tests.fuzz.examined import Examined, Rows, counted
from tests.fuzz.mutations import Changed, as_json, changed_requests, changed_values
from tests.running import settings_for
from tests.web.calls import serving

pytestmark = [
    pytest.mark.anyio,
    # The gateway draws random numbers in its own tasks meanwhile.
    pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies"),
]
ALLOWED = frozenset({200, 202, 204, 400, 401, 403, 404, 405, 413, 415, 421, 422})
CARRIERS = st.sampled_from([Carrier(kind) for kind in KINDS_THAT_CALL])
# Where provider_message_id is in the rows.
_ID_IN_MESSAGE, _ID_IN_REPORT = 5, 5


@pytest.fixture
async def examined(database_url: str, log: io.StringIO) -> AsyncIterator[Examined]:
    """A client of a gateway with a carrier of each kind."""
    async with serving(settings_for(database_url, file=every_carrier())) as web:
        yield Examined(web, log)


@dataclass(frozen=True)
class Call:
    """A carrier's request, and whether it is ``signed``, ``changed`` since, or ``not`` signed."""

    carrier: Carrier
    request: Changed
    signed: str

    def sent(self) -> Changed:
        return (
            self.request
            if self.signed == "not"
            else self.carrier.signed(self.request, by_another=self.signed == "changed")
        )


SIGNED = st.sampled_from(["signed", "signed", "signed", "changed", "not"])


@st.composite
def calls(draw: st.DrawFn) -> Call:
    carrier = draw(CARRIERS)
    request, value = draw(st.sampled_from(carrier.recorded()))
    return Call(carrier, draw(changed_requests(request, value)), draw(SIGNED))


@tries(250)
@given(call=calls())
async def test_every_request_is_refused_or_stored_and_told(examined: Examined, call: Call) -> None:
    sent, carrier = call.sent(), call.carrier
    before, counts = await examined.rows(), counted()
    answer = await examined.send(sent)
    assert answer.status_code in ALLOWED, sent
    if answer.is_success:
        assert call.signed == "signed" or not carrier.is_signed(), sent
        _check_kept(carrier, sent, before, await examined.rows(), counted() - counts)
    good = await examined.send(carrier.signed(carrier.messages()[0][0]))
    assert good.is_success, "a good message behind it"


def _check_kept(carrier: Carrier, sent: Changed, before: Rows, after: Rows, more: float) -> None:
    """Check that each item of a request is a row, or counted."""
    if sent.path.endswith("/inbound"):
        messages, unreadable = carrier.contained(sent)
        known = {row[_ID_IN_MESSAGE] for row in after["inbound_message"]}
        without_id = [one for one in messages if escape(one.message_id) not in known]
        new = len(after["inbound_message"]) - len(before["inbound_message"])
        assert len(without_id) <= new, f"{sent}: not every message is stored"
        assert unreadable <= more, f"{sent}: not every unreadable item is counted"
    else:
        reports = carrier.adapter.parse_reports(carrier.seen(sent))
        kept = {row[_ID_IN_REPORT] for row in after["delivery_report"]}
        lost = [one for one in reports if escape(one.provider_message_id) not in kept]
        assert len(lost) <= more, f"{sent}: a report is neither stored nor counted"
        assert reports or more, f"{sent}: nothing is stored or counted"


@dataclass(frozen=True)
class Array:
    """The recorded array of a carrier with its good items and some that were changed, in any order."""

    carrier: Carrier
    request: Changed
    good: tuple[Any, ...]
    items: tuple[Any, ...]

    def of(self, *items: object) -> Changed:
        """Return the request with these items."""
        return replace(self.request, body=as_json(list(items)).encode("utf-8", "surrogatepass"))


@st.composite
def arrays(draw: st.DrawFn) -> Array:
    carrier = draw(CARRIERS)
    found = [(request, value) for request, value in carrier.messages() if isinstance(value, list)]
    assume(found)  # some carriers send one message a request
    request, value = draw(st.sampled_from(found))
    good = [item for item in value if carrier.contained(replace(request, body=as_json([item]).encode()))[0]]
    bad = draw(st.lists(st.sampled_from(value).flatmap(changed_values), min_size=1, max_size=4))
    return Array(carrier, request, tuple(good), tuple(draw(st.permutations([*good, *bad]))))


@tries(100)
@given(array=arrays())
async def test_a_bad_message_harms_no_other_of_its_array(examined: Examined, array: Array) -> None:
    whole, carrier = array.of(*array.items), array.carrier
    assume(carrier.contained(whole) != ([], 0))  # no JSON: refused as a whole
    answer = await examined.send(carrier.signed(whole))
    assert answer.status_code == 200, whole
    known = {row[_ID_IN_MESSAGE] for row in (await examined.rows())["inbound_message"]}
    expected = [message for item in array.good for message in carrier.contained(array.of(item))[0]]
    assert expected
    assert {escape(message.message_id) for message in expected} <= known


@tries(200)
@given(call=calls())
def test_an_adapter_reads_or_refuses(call: Call) -> None:
    messages, _ = call.carrier.contained(call.request)
    assert all(message.sender and message.message_id for message in messages)
