"""What the log says about attempts (carriers.md 5.5)."""

import httpx
from structlog.testing import capture_logs

from app.providers.base import Accepted, Refused, RefusedForNow, Surroundings
from app.providers.generic import GenericOptions
from app.services.delivery.monitoring import DeliveryMonitor
from tests.services.carriers import FakeProvider


def test_a_setting_that_the_carrier_objects_to_is_named() -> None:
    around = Surroundings(httpx.MockTransport(lambda _request: httpx.Response(500)))
    monitor = DeliveryMonitor(FakeProvider("carrier", GenericOptions(kind="generic"), around))
    wrong = RefusedForNow("HTTP 401", setting="secret")
    with capture_logs() as lines:
        monitor.attempts_ended([wrong, Accepted("t-1"), Refused("HTTP 400"), RefusedForNow("HTTP 503"), wrong])
    assert [(line["setting"], line["code"], line["provider"], line["count"]) for line in lines] == [
        ("secret", "HTTP 401", "carrier", 2)
    ]
