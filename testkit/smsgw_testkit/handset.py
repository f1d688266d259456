"""A phone on the simulated network, and its customer."""

import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

from smsgw_testkit import times
from smsgw_testkit.errors import NoMessage, SmsgwError
from smsgw_testkit.messages import Message, Messages
from smsgw_testkit.network import Network, Trouble
from smsgw_testkit.records import Evidence, Subscription, Ticket
from smsgw_testkit.times import Time
from smsgw_testkit.wire.calls import Api

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

NUMBER_OF_GATEWAY = "10086"
_PAGE = 500
_POLL_SECONDS = 0.05
_HAS_HAD_DAYS = 30


class Gateway(Protocol):
    """What a handset needs of its gateway."""

    api: Api

    def settle(self) -> None:
        """Wait until nothing is left to do that is due."""

    def measured_send(self, seconds: float) -> None:
        """Note how long a text with its answers took."""

    @property
    def now(self) -> "datetime":
        """The gateway's time."""


@dataclass(frozen=True)
class _Sent:
    message_id: str
    text: str
    to: str


class Handset:
    """The phone of a number. Every call waits until the gateway has nothing left to do, unless it says ``wait=False``.

    Attributes:
        number: as it was given.
    """

    def __init__(self, gateway: Gateway, number: str) -> None:
        self.number = number
        self._gateway = gateway
        self._api = gateway.api
        self._path = f"/simulator/handsets/{quote(number, safe='')}"
        self._customer = f"/api/v1/subscribers/{quote(number, safe='')}"
        self.network = Network(self._api, self._path, is_of_one=True)
        self.begin()

    def begin(self) -> None:
        """Forget what was sent and seen: the gateway has forgotten it."""
        self._sent: dict[str, _Sent] = {}
        self._begin: str | None = None
        self._looked: str | None = None

    def __repr__(self) -> str:
        return f"<Handset {self.number}>"

    # ---- texts

    def send(self, text: str, to: str = NUMBER_OF_GATEWAY, *, wait: bool = True) -> Messages:
        """Send a text and return what came back for it; nothing with ``wait=False``."""
        begin = time.perf_counter()
        found = self._post(_Sent(f"kit-{uuid.uuid4()}", text, to), wait=wait)
        if wait:
            self._gateway.measured_send(time.perf_counter() - begin)
        return found

    def reply(self, text: str, *, wait: bool = True) -> Messages:
        """Answer the last message, to the number that it came from, as a phone does."""
        if wait:
            self._gateway.settle()
        return self.send(text, self._newest(self.shown()).sender, wait=wait)

    def asks_again(self, message_id: str | None = None, *, wait: bool = True) -> Messages:
        """Have the carrier post a text twice: the one with this id, or the last. Return what came for it anew."""
        wanted = self.last_sent_id if message_id is None else message_id
        if wanted not in self._sent:
            sent = ", ".join(self._sent) or "none"
            raise SmsgwError(f"{self.number} has sent no message {wanted}; it has sent: {sent}")
        if wait:
            self._gateway.settle()
        before = {message.id for message in self.shown()}
        came = self._post(self._sent[wanted], wait=wait)
        return Messages(message for message in came if message.id not in before)

    @property
    def thread(self) -> Messages:
        """All messages, both ways, oldest first."""
        self._gateway.settle()
        return self.shown()

    def shown(self) -> Messages:
        """Return all messages that are there already, without waiting for what is on its way."""
        return self._read(None)

    @property
    def inbox(self) -> Messages:
        """What came to the handset since ``clear()``, oldest first."""
        self._gateway.settle()
        return _received(self._read(self._begin))

    @property
    def last(self) -> Message:
        """The message that came last. Raise NoMessage if none did."""
        return self._newest(self.thread)

    @property
    def last_sent_id(self) -> str:
        """Id of the text that was sent last, for ``asks_again``. Raise SmsgwError if there is none."""
        if not self._sent:
            raise SmsgwError(f"{self.number} has sent nothing")
        return next(reversed(self._sent))

    def clear(self) -> None:
        """Leave out of ``inbox`` and ``receive`` what is there now."""
        found = self.thread
        self._begin = self._looked = found[-1].id if found else None

    def receive(self, timeout: float = 0) -> Messages:
        """Return what came unasked since this was called last, waiting up to ``timeout`` seconds for the first."""
        until = time.monotonic() + timeout
        while True:
            self._gateway.settle()
            came = self._read(self._looked)
            unasked = [message for message in _received(came) if message.in_reply_to is None]
            if unasked or time.monotonic() >= until:
                break
            time.sleep(_POLL_SECONDS)
        if came:
            self._looked = came[-1].id
        return Messages(unasked, None if unasked else lambda: f"nothing came unasked to {self.number}")

    def unreachable(self) -> Trouble:
        """Report every message to this handset as undelivered."""
        return self.network.reports("undelivered")

    @property
    def questions(self) -> list[dict[str, Any]]:
        """The open questions: what they ask (``kind``), the ``number`` to answer to, and ``until`` when."""
        self._gateway.settle()
        return self._asked()

    # ---- the customer

    @property
    def language(self) -> str:
        """``zh`` or ``en``; assign to change it."""
        return str(self.customer["language"])

    @language.setter
    def language(self, language: str) -> None:
        self.change(language=language)

    @property
    def customer(self) -> dict[str, Any]:
        """The customer's fields, as the API shows them."""
        found: dict[str, Any] = self._of_customer("")
        return found

    def change(self, **fields: object) -> None:
        """Change fields of the customer, such as ``balance_fen`` or ``status``."""
        self._api.patch(self._customer, fields)
        self._gateway.settle()

    def has(
        self,
        service: str,
        *,
        since: Time | None = None,
        trial_ends: Time | None = None,
        in_plan: bool = False,
        channel: str = "web",
        price_fen: int | None = None,
        contract_until: Time | None = None,
        wait: bool = True,
    ) -> "Handset":
        """Give the customer a service, by default for 30 days already. Return the handset."""
        began = times.moment(since) if since else self._gateway.now - times.days(_HAS_HAD_DAYS)
        given: Mapping[str, object] = {
            "trial_ends_at": times.sent(trial_ends) if trial_ends else None,
            "price_fen": price_fen,
            "contract_until": times.sent(contract_until) if contract_until else None,
        }
        body = {
            "state": "trial" if trial_ends else "active",
            "in_plan": in_plan,
            "started_at": began.isoformat(),
            "channel": channel,
            **{name: value for name, value in given.items() if value is not None},
        }
        self._api.put(f"{self._customer}/subscriptions/{service}", body)
        if wait:
            self._gateway.settle()
        return self

    @property
    def subscriptions(self) -> dict[str, Subscription]:
        """What the customer has or had, by the code of the service."""
        rows = self._of_customer("/subscriptions")["subscriptions"]
        return {row["service_code"]: Subscription.read(row) for row in rows}

    @property
    def tickets(self) -> list[Ticket]:
        """The customer's tickets."""
        rows = self._of_customer("/tickets")["tickets"]
        return [Ticket(self._api, row["id"], self._gateway.settle) for row in rows]

    @property
    def evidence(self) -> list[Evidence]:
        """The customer's chain of evidence, oldest first."""
        found: list[Evidence] = []
        cursor: str | None = None
        while True:
            page = self._of_customer("/evidence", {"limit": _PAGE, **({"cursor": cursor} if cursor else {})})
            found += map(Evidence.read, page["evidence"])
            if (cursor := page["next_cursor"]) is None:
                return found

    def verify_evidence(self) -> int:
        """Return how many records the chain has. Raise SmsgwError if it does not verify."""
        found = self._of_customer("/evidence/verify")
        if not found["ok"]:
            raise SmsgwError(f"the evidence of {self.number} does not verify from record {found['first_bad']}: {found}")
        return int(found["records"])

    def consent(self, source: str = "test", *, wait: bool = True) -> None:
        """Record the customer's consent to marketing, and where it was given."""
        self._api.put(f"{self._customer}/consents/marketing", {"source": source})
        if wait:
            self._gateway.settle()

    # ---- within

    def _post(self, sent: _Sent, *, wait: bool) -> Messages:
        body = {"to": sent.to, "text": sent.text, "message_id": sent.message_id}
        sent_id = self._api.post(f"{self._path}/messages", body)["id"]
        self._sent[sent_id] = sent
        if not wait:
            return Messages((), lambda: f"{sent.text!r} was sent with wait=False; smsgw.drain() waits for what comes")
        self._gateway.settle()
        came = [message for message in self._read(sent_id) if message.in_reply_to == sent_id]
        return Messages(came, lambda: self._why(sent_id, sent))

    def _read(self, after: str | None) -> Messages:
        found: list[Message] = []
        while True:
            query = {"handset": self.number, "limit": _PAGE, **({"after": after} if after else {})}
            page = self._api.get("/simulator/threads", query)["messages"]
            found += (Message.read(row, self.number) for row in page)
            if len(page) < _PAGE:
                return Messages(found)
            after = found[-1].id

    def _of_customer(self, path: str, query: "Mapping[str, object] | None" = None) -> Any:  # noqa: ANN401  JSON
        self._gateway.settle()
        return self._api.get(f"{self._customer}{path}", query)

    def _asked(self) -> list[dict[str, Any]]:
        return list(self._api.get("/simulator/questions", {"handset": self.number})["questions"])

    def _newest(self, messages: Messages) -> Message:
        found = _received(messages)
        if not found:
            raise NoMessage(f"nothing has come to {self.number}")
        return found[-1]

    def _why(self, sent_id: str, sent: _Sent) -> str:
        """Return what the gateway made of a text, and where answers are expected."""
        verdict = self._api.get(f"{self._path}/messages/{sent_id}").get("verdict") or {}
        understood = f"{sent.text!r} to {sent.to} was understood as: {verdict.get('word') or 'nothing yet'}"
        return f"{understood}; open questions: {open_questions(self._asked())}"


def open_questions(rows: list[dict[str, Any]]) -> str:
    """Return open questions in words: ``10086977 (choosing-services) until 03-02 12:00:00``."""
    return (
        ", ".join(f"{row['number']} ({row['kind']}) until {times.short(times.moment(row['until']))}" for row in rows)
        or "none"
    )


def _received(messages: Messages) -> Messages:
    return Messages(message for message in messages if not message.is_sent)
