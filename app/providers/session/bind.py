"""One bind: a session, or a pair of sessions of which one submits and the other one receives."""

import asyncio
from collections.abc import Sequence

from app.providers.session.dialect import End
from app.providers.session.link import Address
from app.providers.session.session import Session
from app.providers.session.window import About, Submitted


class Bind:
    """The sessions of one bind, which begin and end together. The first of them submits."""

    def __init__(self, sessions: Sequence[Session]) -> None:
        self._sessions = sessions

    @property
    def accepts(self) -> bool:
        """Whether a segment can be submitted now."""
        return all(session.accepts for session in self._sessions)

    @property
    def lasted(self) -> float:
        """For how many seconds the whole bind has been up; 0: never."""
        return min(session.lasted for session in self._sessions)

    async def open(self, addresses: Sequence[Address]) -> End | None:
        """Connect and bind, to one address after the other until one connects. Return why it is not bound."""
        for session in self._sessions:
            end = await session.open(addresses)
            if end is not None:
                return end
        return None

    async def ended(self) -> End:
        """Wait until one session has ended; return why."""
        waiting = [asyncio.ensure_future(session.ended()) for session in self._sessions]
        try:
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waiting:
                one.cancel()
        return done.pop().result()

    async def submit(self, segment: bytes, about: About, until: float) -> Submitted:
        """Submit a segment; see ``Session.submit``."""
        return await self._sessions[0].submit(segment, about, until)

    async def drain(self) -> None:
        """End all sessions in good order."""
        await asyncio.gather(*(session.drain() for session in self._sessions))

    async def part(self) -> None:
        """Answer the carrier's goodbye."""
        await asyncio.gather(*(session.part() for session in self._sessions))

    def close(self) -> None:
        """Close the connections."""
        for session in self._sessions:
            session.close()

    async def settle(self) -> None:
        """Wait until it is known what was stored."""
        await asyncio.gather(*(session.settle() for session in self._sessions))
