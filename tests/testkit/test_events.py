"""Events are received, verified and kept; receivers answer as a test says."""

import http.server
import threading
from collections.abc import Iterator

import pytest

from smsgw_testkit import EventMissing, Events, Gateway, GatewayBusy, GatewayTrouble, Handset, gateway
from smsgw_testkit.wire import signing


def stop_the_newspaper(handset: Handset) -> None:
    handset.send("0000")
    handset.reply("2")


def test_an_sp_is_told(handset: Handset, events: Events) -> None:
    stop_the_newspaper(handset)
    event = events.wait_for("subscription.unsubscribed", handset=handset)
    assert (event.receiver, event.data["service_code"]) == ("XINHUA", "SJB")
    assert event.at.isoformat() == "2026-03-02T10:00:00+08:00"
    assert events.of("XINHUA") == [event]
    events.none()
    with pytest.raises(
        EventMissing, match=r"no subscription.ordered about 13800138000 came; there came:\n.*unsubscribed"
    ):
        events.wait_for("subscription.ordered", handset=handset, timeout=0)


def test_billing_is_told(smsgw: Gateway, events: Events) -> None:
    smsgw.service("BAO")
    customer = smsgw.subscriber().has("BAO")
    smsgw.charge(customer, "BAO", 300, due="2026-03-03 12:00")
    smsgw.clock.to("2026-03-04 12:00")
    [charged] = events.expect(["charge.charged"])
    assert charged.receiver == "billing"
    assert events.billing == [charged]


def test_retries_come_with_the_clock(smsgw: Gateway, handset: Handset, events: Events) -> None:
    events.answer(503, times=2)
    stop_the_newspaper(handset)
    events.none()
    smsgw.clock.advance(hours=1)
    events.expect(["subscription.unsubscribed"])
    assert [post.status for post in events.attempts] == [503, 503, 200]


def test_what_went_wrong_before_a_reset_is_not_forgotten(smsgw: Gateway, handset: Handset, events: Events) -> None:
    for _ in range(2):
        events.forward_to("http://127.0.0.1:9/")
        stop_the_newspaper(handset)
        smsgw.reset()
    with pytest.raises(GatewayTrouble) as trouble:
        smsgw.check()
    assert str(trouble.value).count("nothing answered at http://127.0.0.1:9/") == 2
    smsgw.check()


def test_the_newest_answer_counts(smsgw: Gateway, events: Events) -> None:
    answers: list[list[int | None]] = []
    for receiver in (None, "XINHUA"):
        before = len(events.attempts)
        events.answer(503)
        events.answer(500, times=1, receiver=receiver)
        events.answer(429, times=0)
        stop_the_newspaper_of_another(smsgw)
        smsgw.clock.advance(minutes=5)
        events.answer(204, receiver=receiver)
        smsgw.clock.advance(hours=1)
        answers.append([post.status for post in events.attempts[before:]])
        events.answer(204)
    for statuses in answers:
        assert (statuses[0], set(statuses[1:-1]), statuses[-1]) == (500, {503}, 204)


def test_what_was_not_expected(handset: Handset, events: Events) -> None:
    stop_the_newspaper(handset)
    with pytest.raises(EventMissing, match="there should be no event; there came:"):
        events.none()
    with pytest.raises(EventMissing, match=r"expected: subscription.ordered; there came:"):
        events.expect(["subscription.ordered"])


def test_what_is_still_left_to_do_is_named(smsgw: Gateway, handset: Handset, events: Events) -> None:
    events.hang()
    stop_the_newspaper(handset)
    with pytest.raises(GatewayBusy, match=r"after 0.2 s there is still left to do: 1 .*event") as busy:
        smsgw.drain(events=True, timeout=0.2)
    assert sum(busy.value.waiting.values()) == 1


def test_a_receiver_that_hangs_is_told_again(smsgw: Gateway, handset: Handset, events: Events) -> None:
    events.hang(times=1)
    stop_the_newspaper(handset)
    events.none()
    smsgw.clock.advance(hours=1)
    events.expect(["subscription.unsubscribed"])
    assert [post.status for post in events.attempts] == [None, 200]


class _Software(http.server.ThreadingHTTPServer):
    secret = signing.new_secret()
    status = 204
    bodies: list[bytes]


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Software

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        signing.verify(self.server.secret, dict(self.headers.items()), body)
        self.server.bodies.append(body)
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  as it is declared
        pass


@pytest.fixture
def software() -> Iterator[_Software]:
    """Software under test that receives events."""
    with _Software(("127.0.0.1", 0), _Handler) as server:
        server.bodies = []
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()


def test_events_are_passed_on_to_software_under_test(
    smsgw: Gateway, handset: Handset, events: Events, software: _Software
) -> None:
    events.forward_to(f"http://127.0.0.1:{software.server_port}/hook", software.secret)
    stop_the_newspaper(handset)
    events.expect(["subscription.unsubscribed"])
    assert b"SJB" in software.bodies[0]
    smsgw.check()
    software.status = 500
    stop_the_newspaper_of_another(smsgw)
    with pytest.raises(GatewayTrouble, match=r"forwarded to answered 500 to .* subscription.unsubscribed"):
        smsgw.check()


def test_where_events_are_passed_on_to_nothing_answers(smsgw: Gateway, handset: Handset, events: Events) -> None:
    events.forward_to("https://127.0.0.1:9/hook")
    stop_the_newspaper(handset)
    with pytest.raises(GatewayTrouble, match=r"^nothing answered at https://127.0.0.1:9/hook \(.*refused\) to 03-02"):
        smsgw.check()


def stop_the_newspaper_of_another(smsgw: Gateway) -> None:
    reader = smsgw.subscriber().has("SJB")
    reader.send("0000")
    reader.reply("1")


def test_the_gateway_posts_to_software_under_test_itself(smsgw: Gateway, software: _Software) -> None:
    smsgw.sp("XINHUA", webhook_url=f"http://127.0.0.1:{software.server_port}/", webhook_secret=software.secret)
    stop_the_newspaper_of_another(smsgw)
    smsgw.drain(events=True)
    assert len(software.bodies) == 1
    smsgw.check()
    software.status = 500
    stop_the_newspaper_of_another(smsgw)
    with pytest.raises(GatewayTrouble, match=r"sp:XINHUA did not take subscription.unsubscribed"):
        smsgw.check()


def test_a_gateway_and_a_carrier_without_pytest() -> None:
    with gateway(config={"confirm_mode": "code"}) as smsgw:
        carrier = smsgw.carrier
        carrier.text("13800138000", "10086", "0000", "c-1")
        carrier.text("13800138000", "10086", "0000", "c-1")
        first, second = carrier.sent
        assert (first.sender, first.to, first.message_class) == ("10086977", "+8613800138000", "reply")
        assert "彩铃" in first.text
        assert carrier.report(second.message_id, "undelivered") == "accepted"
        assert carrier.report("unknown") == "ignored"
        carrier.answer(503, times=1)
        carrier.text("13800138000", "10086", "HELP")
        assert len(carrier.sent) == 2
        smsgw.clock.advance(minutes=1)
        assert [post.status for post in carrier.attempts] == [200, 200, 503, 200]
        customer = smsgw.handset("13900139000")
        smsgw.order(customer, "ZQ")
        assert "已" in customer.reply(customer.receive().code).text
        carrier.hang(times=1)
        carrier.text("13800138000", "10086", "HELP")
        assert [post.status for post in carrier.attempts][-1] is None


def test_a_carrier_without_a_secret(smsgw: Gateway, handset: Handset) -> None:
    first = smsgw.post_as_carrier(handset.number, "10086", "HELP", "c-1")
    assert smsgw.post_as_carrier(handset.number, "10086", "HELP", "c-1") == first
    assert len(handset.inbox) == 1
    assert smsgw.report("unknown") == "ignored"
