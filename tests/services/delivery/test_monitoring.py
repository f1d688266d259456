"""What the log says about attempts (carriers.md 5.5)."""

import io
import json

import httpx

from app.providers.base import Accepted, Refused, RefusedForNow, Surroundings
from app.providers.generic import GenericOptions
from app.services.delivery.monitoring import DeliveryMonitor
from tests.services.carriers import FakeProvider


def test_a_setting_that_the_carrier_objects_to_is_named(log: io.StringIO) -> None:
    around = Surroundings(httpx.MockTransport(lambda _request: httpx.Response(500)))
    monitor = DeliveryMonitor(FakeProvider("carrier", GenericOptions(kind="generic"), around))
    wrong = RefusedForNow("HTTP 401", setting="secret")
    monitor.attempts_ended([wrong, Accepted("t-1"), Refused("HTTP 400"), RefusedForNow("HTTP 503"), wrong])
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [(line["setting"], line["code"], line["provider"], line["count"]) for line in lines] == [
        ("secret", "HTTP 401", "carrier", 2)
    ]
