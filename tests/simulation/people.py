"""Who has to do with the gateway: customers who write, billing, which announces fees, and the receivers of events."""

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from app.commands.charges.announcing import AnnounceCharge
from app.db.types import from_micros
from app.domain.charges import ChargeKind
from app.domain.storage import StorageUnavailableError
from app.domain.values import value
from app.services.refusals import RefusedError
from tests.simulation.processes import GoneError
from tests.simulation.wire import Answer

if TYPE_CHECKING:
    from tests.simulation.carrier import Carrier
    from tests.simulation.life import Life

# What customers write to 10086.
WORDS = (
    "0000", "0000", "1111", "KTZQ", "KTYYH", "KTCL", "KTSJB", "KTTQ", "QXCL", "QXSJB", "QXTQ", "QXZQ", "QXYYH",
    "TD", "否", "YE", "TS 没订过", "HELP", "1", "乱写",
)  # fmt: skip
PICKS = ("1", "2", "1,3", "全部", "9")
YES, NO = ("是", "1", "y"), ("否", "不要")
_CODE = re.compile(r"回复(?:验证码)?(\d{4})(?!\d)")
ACCESS, LISTING, FEES = "10086", "10086977", "10086901"
PRICES = {"CL": 500, "SJB": 300, "TQ": 200, "YYH": 600, "ZQ": 800}


@dataclass
class Handset:
    """A customer, who writes now and then, and mostly answers what was asked last."""

    msisdn: str
    life: "Life"
    carrier: "Carrier"
    # Number and text of what arrived.
    heard: list[tuple[str, str]] = field(default_factory=list)

    def hear(self, number: str, text: str) -> None:
        """Receive a message."""
        self.heard.append((number, text))

    async def live(self) -> None:
        """Write until the chaos is over."""
        random = self.life.random
        await asyncio.sleep(random.uniform(0, 5))
        while not self.life.chaos.is_over:
            number, text = self._answer() if self.heard and random.random() < 0.6 else (ACCESS, random.choice(WORDS))
            for _ in range(random.choice((1, 1, 1, 2))):
                self.life.start(self.carrier.bring(self.msisdn, number, text))
            await asyncio.sleep(random.expovariate(1 / 4))

    def _answer(self) -> tuple[str, str]:
        """Return where to and what she answers to something that she heard lately."""
        random = self.life.random
        number, text = random.choice(self.heard[-3:])
        if code := _CODE.search(text):
            return number, random.choice((code[1], *NO))
        if number == LISTING:
            return LISTING, random.choice(PICKS)
        return number, random.choice((*YES, *YES, *NO))


async def bill(life: "Life") -> None:
    """Announce fees until the chaos is over, each until it is taken or refused."""
    for number in range(1_000):
        await asyncio.sleep(life.random.expovariate(1 / 4))
        if life.chaos.is_over:
            return
        msisdn, code = life.random.choice(list(life.handsets)), life.random.choice(list(PRICES))
        due = from_micros(life.clock.micros()) + timedelta(hours=life.random.uniform(0, 30))
        wanted = AnnounceCharge("api:billing", f"c-{number}", code, ChargeKind.MONTHLY, PRICES[code], due)
        life.start(_announce(life, msisdn, wanted))


async def _announce(life: "Life", msisdn: str, wanted: AnnounceCharge) -> None:
    while True:
        process = life.random.choice(life.processes)
        try:
            await process.ask(lambda gateway: gateway.management.charges.announce(msisdn, wanted))
        except RefusedError:
            return
        except (GoneError, StorageUnavailableError):
            await asyncio.sleep(life.random.uniform(0.5, 5))
        else:
            life.trace.note(
                "billing", "announced", f"{wanted.charge_id} {wanted.service_code} of {msisdn}", count="fees"
            )
            return


# ---- receivers of events


@value
class Received:
    """An event that arrived; ``msisdn`` is whom it is about."""

    event_id: str
    type: str
    msisdn: str
    subject: str


@dataclass
class Receiver:
    """One receiver; ``name`` is how the gateway calls it."""

    name: str
    life: "Life"
    got: list[Received] = field(default_factory=list)

    def serve(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """Take an event. What it has already it acknowledges again."""
        given = json.loads(body)
        data = given["data"]
        subject = str(data.get("charge_id") or data.get("subscription_id") or "")
        event = Received(headers["webhook-id"], given["type"], str(data.get("msisdn")), subject)
        self.got.append(event)
        self.life.trace.note(self.name, "gets", f"{event.event_id} {event.type}", count="events received")
        return Answer(200)
