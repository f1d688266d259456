"""The other side of the generic carrier: what it posts to the gateway, and what the gateway sends it."""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from smsgw_testkit.running.configuration import CARRIER
from smsgw_testkit.wire import signing
from smsgw_testkit.wire.calls import Api
from smsgw_testkit.wire.receiver import Behaviour, Received, Receiver

_SENDS = "/send"
_GENERIC = "generic"
_GOOD = range(200, 300)


class CarrierCalls:
    """What a carrier posts to the webhooks of a provider of the kind ``generic``."""

    def __init__(self, api: Api, provider: str, secret: str | None, settle: Callable[[], None]) -> None:
        """``secret`` signs the posts (``whsec_…``); None: unsigned."""
        self._api = api
        self._provider = provider
        self._secret = secret
        self._settle = settle

    def text(self, from_: str, to: str, text: str, message_id: str | None = None, *, wait: bool = True) -> str:
        """Post a text from a handset. Return the gateway's id of it. The same ``message_id`` again has no effect."""
        body = {"message_id": message_id or f"carrier-{uuid.uuid4()}", "from": from_, "to": to, "text": text}
        return str(self._post("inbound", body, wait=wait)["id"])

    def report(self, message_id: str, status: str = "delivered", error_code: str = "", *, wait: bool = True) -> str:
        """Report about a message that the gateway sent. Return ``accepted``, or ``ignored`` for an unknown id."""
        body = {"message_id": message_id, "status": status, "error_code": error_code}
        return str(self._post("status", body, wait=wait)["status"])

    def _post(self, what: str, given: dict[str, str], *, wait: bool) -> dict[str, Any]:
        body = json.dumps(given, ensure_ascii=False).encode()
        signed = signing.sign(self._secret, given["message_id"], body) if self._secret else {}
        path = f"/webhooks/{self._provider}/{what}"
        found: dict[str, Any] = self._api.call("POST", path, body=body, headers=signed)
        if wait:
            self._settle()
        return found


class PostsAsCarrier:
    """Posts to the webhooks of any generic provider. ``smsgw`` has them."""

    api: Api
    settle: Callable[[], None]

    def post_as_carrier(
        self,
        from_: str,
        to: str,
        text: str,
        message_id: str | None = None,
        *,
        provider: str = _GENERIC,
        secret: str | None = None,
        wait: bool = True,
    ) -> str:
        """Post a text as a generic carrier does, signed if there is a secret. Return the gateway's id of it."""
        return CarrierCalls(self.api, provider, secret, self.settle).text(from_, to, text, message_id, wait=wait)

    def report(
        self,
        message_id: str,
        status: str = "delivered",
        *,
        provider: str = _GENERIC,
        secret: str | None = None,
        wait: bool = True,
    ) -> str:
        """Post a delivery report as a generic carrier does. Return ``accepted`` or, for an unknown id, ``ignored``."""
        return CarrierCalls(self.api, provider, secret, self.settle).report(message_id, status, wait=wait)


@dataclass(frozen=True, slots=True)
class Submission:
    """A message that the gateway sent to the carrier; ``message_id`` is the carrier's, for reports."""

    message_id: str
    reference: str
    sender: str
    to: str
    text: str
    message_class: str


class Carrier(CarrierCalls):
    """A carrier that the gateway knows as provider ``carrier``: posts to it, and takes what it sends."""

    def __init__(self, api: Api, receiver: Receiver, settle: Callable[[], None]) -> None:
        super().__init__(api, CARRIER, receiver.secret, settle)
        self._receiver = receiver
        self._wait = settle

    @property
    def sent(self) -> list[Submission]:
        """What the gateway sent and the carrier took, each message once, oldest first."""
        self._wait()
        posts = self._receiver.posts(_SENDS)
        taken = [one for one in posts if one.wrong is None and one.status in _GOOD]
        return list({found.reference: found for found in map(_submission, taken)}.values())

    @property
    def attempts(self) -> list[Received]:
        """All posts of the gateway, also those that the carrier refused."""
        self._wait()
        return self._receiver.posts(_SENDS)

    def answer(self, status: int, times: int | None = None, *, after: float = 0) -> None:
        """Answer the next sends by this status, after so many seconds; ``times``: how many; None: all."""
        self._receiver.behave(Behaviour(status, times, after, _SENDS))

    def hang(self, times: int | None = None) -> None:
        """Never answer the next sends. The gateway waits 5 seconds for each."""
        self._receiver.behave(Behaviour(None, times, 0, _SENDS))

    @property
    def troubles(self) -> list[str]:
        """Sends that did not verify."""
        wrong = [one.wrong for one in self._receiver.posts(_SENDS) if one.wrong]
        return [f"what was sent to the carrier did not verify: {one}" for one in wrong]


def receiver() -> Receiver:
    """Return a new receiver, which answers to sends as a carrier does."""
    return Receiver({_SENDS: _taken})


def _taken(posted: bytes) -> bytes:
    """Return the carrier's answer to a message that it takes."""
    return json.dumps({"message_id": f"of-{json.loads(posted)['reference']}"}).encode()


def settings(receiver: Receiver) -> dict[str, object]:
    """Return the settings of the provider ``carrier``."""
    return {
        "kind": "generic",
        "secret": receiver.secret,
        "send_url": f"{receiver.url}{_SENDS}",
        # Shorter than calls of the kit wait, so that they see what comes of a carrier that hangs.
        "timeout": "5s",
    }


def _submission(received: Received) -> Submission:
    given = json.loads(received.body)
    return Submission(
        message_id=json.loads(_taken(received.body))["message_id"],
        reference=given["reference"],
        sender=given["from"],
        to=given["to"],
        text=given["text"],
        message_class=given["class"],
    )
