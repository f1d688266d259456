"""A whole gateway that is bound to a toy carrier."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Generic

from app.providers.session.provider import SessionProvider
from app.settings import Environment, SettingsFile
from tests.providers.session.carriers import ANSWER, FROM, TO, Carrier, P, S, Segment, V
from tests.providers.session.rig import TIMES, until
from tests.running import Running, options_of, running, settings_for

NAME = "world"


@dataclass
class Bound(Generic[V, S, P]):
    """A gateway, its carrier, and the session between them."""

    running: Running
    carrier: Carrier[V, S, P]
    server: V
    session: S

    def write(self, text: str, *, to: str = TO, source: str = FROM) -> None:
        """Have a customer write."""
        body = self.carrier.delivery(self.server, text, to=to, source=source)
        self.carrier.send(self.server, self.session, body)

    def report(self, place: int, number: int, *, is_good: bool = True) -> None:
        """Report on a segment of the session, that the carrier gave the id with a number."""
        body = self.carrier.report(self.server, self.submits[place], self.server.id(number), is_good=is_good)
        self.carrier.send(self.server, self.session, body)

    @property
    def submits(self) -> list[P]:
        """The segments of the session as PDUs."""
        found: list[P] = self.session.of(self.carrier.submit)
        return found

    @property
    def submitted(self) -> list[Segment]:
        """The segments of the session."""
        return [self.carrier.read(pdu) for pdu in self.submits]

    @property
    def text(self) -> str:
        """The texts of all segments, joined."""
        return "".join(one.text for one in self.submitted)

    async def answered(self, count: int) -> None:
        """Wait until so many messages and reports of the session are answered."""
        await self.server.until(lambda: len(self.session.of(self.carrier.deliver | ANSWER)) == count)

    async def handed_over(self) -> None:
        """Wait until nothing is being handed over."""
        await until(lambda: not self.running.gateway.carriers.deliveries[NAME]._dispatch.busy)

    async def next_session(self) -> None:
        """Wait for another session, that can be submitted over."""
        await self.server.until(lambda: self.server.sessions[-1] is not self.session and self.server.sessions[-1].bound)
        self.session = await self.server.session()
        await until(lambda: self.running.gateway.carriers.providers[NAME].is_ready)


@asynccontextmanager
async def gateway_with(
    database_url: str, carrier: Carrier[V, S, P], server: V, **options: object
) -> AsyncIterator[Bound[V, S, P]]:
    """Yield a gateway that is bound, with times that tests can wait for."""
    given = options_of(**{**carrier.options, "address": f"127.0.0.1:{server.port}", **options})
    file = SettingsFile(default_provider=NAME, providers={NAME: given})
    async with running(settings_for(database_url, Environment.TEST, file)) as gateway:
        provider = gateway.gateway.carriers.providers[NAME]
        assert isinstance(provider, SessionProvider)
        # The first session has the times of the settings, the second one those of the tests.
        this = Bound(gateway, carrier, server, await server.session())
        provider.times = TIMES
        this.session.cut()
        await this.next_session()
        yield this
