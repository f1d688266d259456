"""A toy Kannel beside a gateway: what its smsbox does over HTTP (Kannel 1.4.5 User Guide; gw/smsbox.c)."""

import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import ClassVar
from urllib.parse import quote, urlencode

import aiohttp
from aiohttp import web
from typing_extensions import override
from yarl import URL

from app.toys.carrier import NAME, TIMEOUT, Answer, NotCarriedError, Report, Sms, Taken, ToyCarrier

_PATH = "/cgi-bin/sendsms"
_USER = "smsgw"
_UCS2 = {"coding": "2", "charset": "UTF-16BE"}
_DEFAULT = {"coding": "0", "charset": "UTF-8"}
_ANSWERS = {
    Answer.OK: (HTTPStatus.ACCEPTED, "0: Accepted for delivery"),
    Answer.REJECT: (HTTPStatus.FORBIDDEN, "4: Not routable. Do not try again."),
    Answer.THROTTLE: (HTTPStatus.SERVICE_UNAVAILABLE, "Temporal failure, try again later."),
    Answer.ERROR: (HTTPStatus.SERVICE_UNAVAILABLE, "Temporal failure, try again later."),
}
# What stands for %d and %A in dlr-url: an expired message has a bit of its own beside that of a failed one.
_EVENTS = {
    Report.DELIVERED: ("1", "stat:DELIVRD err:000"),
    Report.UNDELIVERED: ("2", "stat:UNDELIV err:001"),
    Report.EXPIRED: ("34", "stat:EXPIRED err:002"),
}


class KannelToy(ToyCarrier):
    """A toy smsbox: the gateway posts to its sendsms, and it calls the gateway's webhooks."""

    kind: ClassVar[str] = "kannel"
    _client: aiohttp.ClientSession

    def __init__(self, listening: socket.socket, gateway: str) -> None:
        super().__init__(listening, gateway)
        self._password, self._token = secrets.token_urlsafe(), secrets.token_urlsafe()

    @override
    def settings(self) -> dict[str, object]:
        return {
            "kind": self.kind,
            "send_url": f"http://{self.address}{_PATH}",
            "public_url": self._gateway,
            "path_token": self._token,
            "username": _USER,
            "password": self._password,
            "timeout": TIMEOUT,
        }

    @override
    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        app = web.Application()
        app.router.add_post(_PATH, self._take)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
        await runner.setup()
        await web.SockSite(runner, self._listening).start()
        try:
            timeout = aiohttp.ClientTimeout(total=self.patience)
            async with aiohttp.ClientSession(timeout=timeout) as self._client:
                yield
        finally:
            await runner.cleanup()

    # ---- to the handsets

    async def _take(self, request: web.Request) -> web.Response:
        given = request.headers
        password = given.get("X-Kannel-Password", "")
        if given.get("X-Kannel-Username") != _USER or not secrets.compare_digest(password, self._password):
            return web.Response(status=HTTPStatus.FORBIDDEN, text="Authorization failed for sendsms")
        report = partial(self._report, given.get("X-Kannel-DLR-Url", ""))
        message = Taken(given.get("X-Kannel-From", ""), given.get("X-Kannel-To", ""), await request.text(), report)
        answer = await self.handsets.take(message)
        if answer is Answer.TIMEOUT:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()  # nobody hears it
        status, said = _ANSWERS[answer]
        return web.Response(status=status, text=said)

    # ---- to the gateway

    async def _report(self, dlr_url: str, report: Report, at: datetime) -> bool:
        bits, reply = _EVENTS[report]
        values = {"%d": bits, "%A": quote(reply), "%i": NAME, "%T": f"{at.timestamp():.0f}"}
        for escape, value in values.items():
            dlr_url = dlr_url.replace(escape, value)
        return await self._get(dlr_url)

    @override
    async def send(self, sms: Sms, message_id: str) -> None:
        # Without %T: a handset's messages have the gateway's time, which may be far from the machine's.
        is_plain = sms.text.isascii()
        text = sms.text.encode() if is_plain else sms.text.encode("utf-16-be", "surrogatepass")
        query = {
            "id": message_id,
            "from": sms.sender,
            "to": sms.dialled,
            "text": text,
            "smsc": NAME,
            "udh": sms.header,
            **(_DEFAULT if is_plain else _UCS2),
        }
        url = f"{self._gateway}/webhooks/{NAME}/{self._token}/inbound?{urlencode(query, quote_via=quote)}"
        if not await self._get(url):
            raise NotCarriedError("the gateway did not take the message")

    @override
    def id_of(self, message_id: str) -> str:
        return f"{NAME}.{message_id}"  # %i and %I

    async def _get(self, url: str) -> bool:
        """Call the gateway, and return True if it has stored what the URL says."""
        try:
            async with self._client.get(URL(url, encoded=True), allow_redirects=False) as answer:
                return answer.status == HTTPStatus.OK
        except (aiohttp.ClientError, TimeoutError):
            return False
