"""Client of the gateway's simulator API for one handset (http-api.md, simulator)."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import NoReturn, TypeVar
from urllib.parse import urlsplit

import httpx
from httpx_sse import SSEError, aconnect_sse
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from app.cli.handset import words
from app.cli.handset.words import ChatError

_PAGE_SIZE = 500
_ANSWER_SECONDS = 20
_DRAIN_SECONDS = 60
# A year of timers may fall due on the way.
_ADVANCE_SECONDS = 600
# The stream sends a keep-alive comment every 15 seconds.
_STREAM_TIMEOUT_SECONDS = 45
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


_Answer = TypeVar("_Answer", bound=BaseModel)
_DETAIL = TypeAdapter(dict[str, object])


class GatewayError(ChatError):
    """A call failed; the message says why and what to do."""


class UnreachableError(GatewayError):
    """The gateway did not answer; a later call may succeed."""


class NotOfferedError(GatewayError):
    """This gateway does not offer the call."""


class Message(BaseModel):
    """A message of the handset's thread; ``at`` is aware, in Asia/Shanghai. ``direction`` is ``mo`` or ``mt``."""

    id: str
    direction: str
    sender: str = Field(validation_alias="from")
    to: str
    text: str
    segments: int
    at: datetime
    status: str

    @property
    def incoming(self) -> bool:
        """True if the message is to the handset, False if it is from it."""
        return self.direction == "mt"


class _Thread(BaseModel):
    messages: list[Message]


class Clock(BaseModel):
    """The gateway's time, aware, in Asia/Shanghai; ``frozen`` is True if its clock stands still."""

    now: datetime
    frozen: bool


class _Drained(BaseModel):
    idle: bool


class Simulator:
    """One handset of a gateway's simulated network. Methods raise GatewayError if a call fails."""

    def __init__(self, url: str, msisdn: str) -> None:
        self._url = url.rstrip("/")
        self._thread = f"/simulator/handsets/{msisdn}/messages"
        self._events = f"/simulator/handsets/{msisdn}/events"
        # A proxy from the environment cannot reach this machine's loopback.
        local = urlsplit(url).hostname in _LOOPBACK
        self._client = httpx.AsyncClient(base_url=self._url, timeout=_ANSWER_SECONDS, trust_env=not local)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def thread(self, after: str | None = None) -> list[Message]:
        """Return all messages after the one with the id ``after``, oldest first."""
        found: list[Message] = []
        while True:
            behind = found[-1].id if found else after
            page = await self._get_thread({"limit": str(_PAGE_SIZE)} | ({"after": behind} if behind else {}))
            found += page
            if len(page) < _PAGE_SIZE:
                return found

    async def first_id(self) -> str | None:
        """Return the id of the oldest message. It changes if the gateway is reset."""
        return next((message.id for message in await self._get_thread({"limit": "1"})), None)

    async def _get_thread(self, params: Mapping[str, str]) -> list[Message]:
        try:
            answer = await self._call("GET", self._thread, params=params)
        except NotOfferedError:
            raise NotOfferedError(words.NO_SIMULATOR, url=self._url) from None
        return self._read(_Thread, answer).messages

    async def send(self, to: str, text: str) -> None:
        """Send an SMS from the handset. The gateway has stored it when this returns."""
        await self._call("POST", self._thread, {"to": to, "text": text})

    async def drain(self) -> bool | None:
        """Wait until nothing is due. Return False if that took too long, None if this gateway does not offer it."""
        try:
            body: dict[str, object] = {"timeout_seconds": _DRAIN_SECONDS}
            answer = await self._call("POST", "/simulator/drain", body, within=_DRAIN_SECONDS + _ANSWER_SECONDS)
        except NotOfferedError:
            return None
        return self._read(_Drained, answer).idle

    async def clock(self) -> Clock:
        """Return the gateway's time."""
        return self._read(Clock, await self._call("GET", "/simulator/clock"))

    async def advance(self, by: timedelta | None, to: datetime | None) -> Clock:
        """Move the clock by a length or to an aware time. Everything due on the way has been processed on return."""
        body: dict[str, object] = {"to": to.isoformat()} if to else {"seconds": by.total_seconds() if by else 0}
        return self._read(Clock, await self._call("POST", "/simulator/clock/advance", body, within=_ADVANCE_SECONDS))

    async def reset(self) -> None:
        """Empty the gateway and load the demo customers."""
        await self._call("POST", "/simulator/reset", {"fixture": "demo"}, within=_DRAIN_SECONDS)

    async def events(self, after: str | None) -> AsyncIterator[Message]:
        """Yield messages after ``after`` when they arrive or change status, until the stream ends.

        Raise UnreachableError if the connection breaks.
        """
        timeout = httpx.Timeout(_ANSWER_SECONDS, read=_STREAM_TIMEOUT_SECONDS)
        params = {"after": after} if after else {}
        try:
            async with aconnect_sse(self._client, "GET", self._events, params=params, timeout=timeout) as source:
                if source.response.is_error:
                    await source.response.aread()
                    self._raise_for(source.response)
                async for event in source.aiter_sse():
                    if event.event == "message" and event.data:
                        yield self._read(Message, event.data.encode())
        except (httpx.TransportError, SSEError) as error:
            raise self._unreachable() from error

    # ---- one call

    async def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
        *,
        params: Mapping[str, str] | None = None,
        within: float = _ANSWER_SECONDS,
    ) -> bytes:
        try:
            answer = await self._client.request(method, path, json=body, params=params, timeout=within)
        except httpx.TimeoutException:
            raise UnreachableError(words.NO_ANSWER, url=self._url, seconds=f"{within:.0f}") from None
        except (httpx.TransportError, httpx.InvalidURL):
            raise self._unreachable() from None
        if not answer.is_success:
            self._raise_for(answer)
        return answer.content

    def _unreachable(self) -> UnreachableError:
        return UnreachableError(words.UNREACHABLE, url=self._url)

    def _raise_for(self, answer: httpx.Response) -> NoReturn:
        missing = answer.status_code == HTTPStatus.NOT_FOUND
        kind = NotOfferedError if missing else GatewayError
        try:
            detail = _DETAIL.validate_json(answer.content)["detail"]
        except (ValidationError, KeyError):
            raise kind(words.OTHER_WORDS, status=str(answer.status_code)) from None
        raise kind(words.NOT_OFFERED if missing else words.REFUSED, detail=str(detail))

    def _read(self, kind: type[_Answer], content: bytes) -> _Answer:
        try:
            return kind.model_validate_json(content)
        except ValidationError:
            raise GatewayError(words.NO_GATEWAY, url=self._url) from None
