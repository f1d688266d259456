"""What the log says about attempts (carriers.md 5.5)."""

import io
import json

import httpx

from app.failures import Failures
from app.providers.base import Accepted, Refused, RefusedForNow, Surroundings
from app.providers.generic import GenericOptions
from app.services.delivery.breaker import CircuitState
from app.services.delivery.monitoring import DeliveryMonitor
from tests.services.carriers import FakeProvider


def test_a_setting_that_the_carrier_objects_to_is_named(log: io.StringIO) -> None:
    around = Surroundings(httpx.MockTransport(lambda _request: httpx.Response(500)))
    seconds = [0.0]
    failures = Failures(clock=lambda: seconds[0])
    monitor = DeliveryMonitor(FakeProvider("carrier", GenericOptions(kind="generic"), around), failures)
    wrong = RefusedForNow("HTTP 401", setting="secret")
    monitor.attempts_ended([wrong, Accepted("t-1"), Refused("HTTP 400"), RefusedForNow("HTTP 503"), wrong])
    seconds[0] = 61
    monitor.attempts_ended([wrong])
    monitor.attempts_ended([Accepted("t-2")])
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [(line["kind"], line["of"], line.get("setting"), line.get("cause"), line["count"]) for line in lines] == [
        ("carrier_objects", "carrier", "secret", "HTTP 401", 1),
        ("carrier_away", "carrier", None, "HTTP 503", 1),
        ("carrier_objects", "carrier", "secret", "HTTP 401", 2),
        ("carrier_away", "carrier", None, None, 1),
        ("carrier_objects", "carrier", None, None, 3),
    ]


def test_a_circuit_is_said_to_open_and_to_close_once_however_often_it_is_tried_between(log: io.StringIO) -> None:
    around = Surroundings(httpx.MockTransport(lambda _request: httpx.Response(500)))
    monitor = DeliveryMonitor(FakeProvider("carrier", GenericOptions(kind="generic"), around), Failures())
    opened, tried, closed = CircuitState.OPEN, CircuitState.HALF_OPEN, CircuitState.CLOSED
    for state in (closed, opened, tried, opened, tried, opened, closed):
        monitor.circuit_is(state)
    assert [json.loads(line)["circuit"] for line in log.getvalue().splitlines()] == ["open", "closed"]
