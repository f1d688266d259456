"""When the handset shows a message, and which number it writes to next."""

from datetime import datetime

import pytest

from app.cli.handset.simulator import Message
from app.cli.handset.thread import DisplayItem, Thread
from app.domain.calendar import SHANGHAI

START = datetime(2026, 3, 2, 10, tzinfo=SHANGHAI)


def incoming(message_id: str, status: str, sender: str = "10086977") -> Message:
    return Message.model_validate(
        {
            "id": message_id,
            "direction": "mt",
            "from": sender,
            "to": "+8613800138000",
            "text": "…",
            "segments": 1,
            "at": START,
            "status": status,
        }
    )


def outgoing(message_id: str) -> Message:
    return incoming(message_id, "sent").model_copy(update={"direction": "mo", "to": "10086"})


def test_a_delivered_message_is_shown_at_once() -> None:
    thread = Thread()
    message = incoming("a", "delivered")
    thread.update(message, now=0)
    assert thread.ready(now=0) == [DisplayItem(message, is_update=False)]
    assert thread.ready(now=9) == []


def test_a_message_waits_a_moment_for_its_status() -> None:
    thread = Thread()
    thread.update(incoming("a", "accepted"), now=0)
    assert thread.ready(now=0.1) == []
    assert thread.wait_seconds(now=0.1) == pytest.approx(0.3)
    delivered = incoming("a", "delivered")
    thread.update(delivered, now=0.2)
    assert thread.ready(now=0.2) == [DisplayItem(delivered, is_update=False)]
    assert thread.wait_seconds(now=0.2) is None


def test_a_late_status_is_shown_on_a_line_of_its_own() -> None:
    thread = Thread()
    accepted, failed = incoming("a", "accepted"), incoming("a", "undelivered")
    thread.update(accepted, now=0)
    assert thread.ready(now=0.5) == [DisplayItem(accepted, is_update=False)]
    thread.update(failed, now=60)
    assert thread.ready(now=60) == [DisplayItem(failed, is_update=True)]


def test_messages_keep_their_order() -> None:
    thread = Thread()
    messages = [incoming("a", "accepted"), incoming("b", "delivered"), outgoing("c")]
    for message in messages:
        thread.update(message, now=0)
    assert thread.ready(now=0) == []
    assert [item.message for item in thread.ready(now=1)] == messages


def test_a_status_that_arrives_twice_is_shown_once() -> None:
    thread = Thread()
    for _ in range(3):
        thread.update(incoming("a", "delivered"), now=0)
        thread.update(outgoing("b"), now=0)
    assert len(thread.ready(now=0)) == 2
    thread.update(incoming("a", "delivered"), now=1)
    assert thread.ready(now=1) == []


def test_nothing_waits_if_everything_is_asked_for() -> None:
    thread = Thread()
    thread.update(incoming("a", "accepted"), now=0)
    assert len(thread.ready(now=0, everything=True)) == 1


def test_the_answer_goes_to_the_number_that_wrote_last() -> None:
    thread = Thread()
    assert thread.to == "10086"
    thread.update(incoming("a", "accepted", sender="10086977"), now=0)
    assert thread.to == "10086977"
    thread.update(outgoing("b"), now=0)
    assert thread.to == "10086977"
    thread.update(incoming("c", "delivered", sender="1008620401"), now=0)
    assert thread.to == "1008620401"


def test_a_status_change_does_not_change_the_number_to_write_to() -> None:
    thread = Thread()
    thread.update(incoming("a", "accepted", sender="10086977"), now=0)
    thread.ready(now=1)
    thread.to = "10086"
    thread.update(incoming("a", "delivered", sender="10086977"), now=2)
    assert thread.to == "10086"


def test_a_status_of_another_release_is_shown_as_it_is() -> None:
    thread = Thread()
    thread.update(incoming("a", "forwarded"), now=0)
    assert [item.message.status for item in thread.ready(now=1)] == ["forwarded"]
