"""The contract of all adapters, and of those whose carriers call us: base classes of tests.

Subclasses say how an adapter is made.

Real payloads of a carrier, with what they mean, are in ``tests/providers/recorded/<kind>/``, one JSON file each.
docs/adding-a-provider.md describes these files.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import httpx
import pytest
from pydantic import ValidationError

from app import providers
from app.domain.messages import InboundMessage, InboundResult
from app.providers.base import (
    Accepted,
    NotTried,
    Provider,
    Refused,
    RefusedForNow,
    SendResult,
    Submission,
    Surroundings,
    Unknown,
)
from app.providers.requests import MalformedRequestError, NotAuthenticError, WebhookRequest
from app.providers.webhook import Invalid, WebhookProvider

Recording = dict[str, Any]
RECORDED = Path(__file__).parent / "recorded"
RESULTS: Mapping[str, type[SendResult]] = {
    "accepted": Accepted,
    "refused": Refused,
    "refused for now": RefusedForNow,
    "unknown": Unknown,
}
VALID_UNTIL = datetime(2026, 3, 1, 2, 10, tzinfo=UTC)
RECIPIENT, TEXT = "+8613800138000", "您好，回复1退订"
GARBAGE = [b"", b"\xff\xfe\x00", b"{", b"[]]", b"null", b"7", b"<xml/>", b"a=b&c", b'{"a": {"b": [1]}}', b"\x00" * 100]


def submission(reference: str = "1858513718529228800", recipient: str = RECIPIENT, text: str = TEXT) -> Submission:
    """Return an MT to send."""
    return Submission(reference, "10086977", recipient, text, "ucs2", 1, "reply", "prompt", None, VALID_UNTIL)


def surroundings(transport: httpx.AsyncBaseTransport) -> Surroundings:
    """Return surroundings with this transport."""
    return Surroundings(transport)


P = TypeVar("P", bound=Provider)


def made(adapter: type[P], **options: object) -> P:
    """Return an adapter of its kind with these options, over a transport that answers 500."""
    model = providers.provider_kinds()[adapter.kind].model_validate({"kind": adapter.kind, **options})
    provider = providers.make_provider(
        "carrier", model, surroundings(httpx.MockTransport(lambda _: httpx.Response(500)))
    )
    assert isinstance(provider, adapter)
    return provider


class ProviderContract:
    """Base class of the tests of each adapter. ``around`` is without a network, and no request is answered."""

    kind: ClassVar[str]
    options: ClassVar[Mapping[str, object]] = {}

    def make(self, transport: httpx.AsyncBaseTransport) -> Provider:
        """Return the adapter with the settings of the tests. HTTP kinds send over ``transport``."""
        options = providers.provider_kinds()[self.kind].model_validate({"kind": self.kind, **self.options})
        return providers.make_provider("carrier", options, surroundings(transport))

    def test_the_table_of_kinds_has_it(self) -> None:
        assert self.kind in providers.KINDS
        assert self.provider().kind == self.kind

    def test_it_keeps_up_binds_or_is_called(self) -> None:
        assert isinstance(self.provider(), WebhookProvider) == (self.provider().slots == 0)

    async def test_before_its_first_bind_it_is_not_ready_and_certainly_sends_nothing(self) -> None:
        provider = self.provider()
        assert provider.is_ready == (provider.slots == 0)
        if not provider.is_ready:
            assert all(isinstance(result, RefusedForNow) for result in await provider.send([submission()]))

    def test_a_setting_that_it_does_not_know_is_named(self) -> None:
        given = {"kind": self.kind, **self.options, "no_such_setting": 1}
        with pytest.raises(ValidationError, match="no_such_setting"):
            providers.provider_kinds()[self.kind].model_validate(given)

    async def test_every_message_of_a_call_has_a_result_and_order_is_kept(self) -> None:
        provider = self.sender(_Carrier(lambda _request: httpx.Response(503)))
        most = min(provider.most_per_call, 3)
        results = await provider.send([submission(f"{number}") for number in range(most)])
        assert len(results) == most
        assert isinstance(results[0], RefusedForNow)
        assert all(isinstance(result, NotTried) for result in results[1:])

    def provider(self) -> Provider:
        """Return the adapter, over a transport that answers 500."""
        return self.make(httpx.MockTransport(lambda _request: httpx.Response(500)))

    def sender(self, transport: httpx.AsyncBaseTransport) -> Provider:
        """Return the adapter over a transport; skip the test if it cannot send."""
        provider = self.make(transport)
        if not provider.can_send:
            pytest.skip("cannot send")
        return provider


class WebhookContract(ProviderContract):
    """Base class of the tests of each adapter whose carrier calls us; every recorded payload is a case of a test."""

    def signed(self, request: WebhookRequest) -> WebhookRequest:
        """Return the request as the carrier would sign it now; unchanged if it does not sign."""
        return request

    def forged(self, request: WebhookRequest) -> WebhookRequest:
        """Return a signed request as somebody else would change it."""
        return _with_body(request, request.body + b" ")

    # ---- in

    def test_a_message_is_read_as_it_is_meant(self, inbound: Recording) -> None:
        found = self._webhooks().parse_inbound(_request(inbound))
        items = found if isinstance(found, list) else [found]
        assert [_plain(item) for item in items] == inbound["means"]

    def test_a_report_is_read_as_it_is_meant(self, reports: Recording) -> None:
        found = self._webhooks().parse_reports(_request(reports))
        assert [_plain(item) for item in found] == reports["means"]

    @pytest.mark.parametrize("body", GARBAGE, ids=lambda body: repr(body[:12]))
    def test_what_cannot_be_read_is_refused_in_words_that_quote_nothing(self, body: bytes) -> None:
        secret = body + b' "13800138000" '
        for read in (self._webhooks().parse_inbound, self._webhooks().parse_reports):
            said = _refusal(read, WebhookRequest(secret))
            assert said
            assert "13800138000" not in said

    def test_what_the_carrier_sent_is_believed_only_with_its_signature(self, received: Recording) -> None:
        request = _request(received)
        provider = self._webhooks()
        provider.admit(self.signed(request))
        if self.signed(request) == request:
            return
        with pytest.raises(NotAuthenticError) as refused:
            provider.admit(request)
        assert "13800138000" not in str(refused.value)
        with pytest.raises(NotAuthenticError):
            provider.admit(self.forged(self.signed(request)))

    def test_a_repeat_is_a_success_so_that_the_carrier_stops_sending_it(self) -> None:
        provider = self._webhooks()
        ours = "1841972247594532864"
        for new in (True, False):
            assert 200 <= provider.answer_one(InboundResult(ours, new=new)).status < 300
        assert 200 <= provider.answer_list([InboundResult(ours, new=True), Invalid("why")]).status < 300
        for known in (True, False):
            assert 200 <= provider.answer_reports(known=known).status < 300

    # ---- out

    async def test_an_answer_means_what_it_is_taken_for(self, send: Recording) -> None:
        asked: list[httpx.Request] = []

        def answer(request: httpx.Request) -> httpx.Response:
            asked.append(request)
            given = send["answer"]
            return httpx.Response(given["status"], headers=given.get("headers"), content=given.get("body", "").encode())

        transport = _Carrier(answer)
        [result] = await self.make(transport).send([submission()])
        means = dict(send["means"])
        assert isinstance(result, RESULTS[means.pop("result")])
        assert {name: _as_json(getattr(result, name)) for name in means} == means
        if "request" in send:
            _compare(send["request"], asked[0], transport.bodies[0])

    async def test_a_request_that_the_transport_never_asked_for_is_tried_again(self) -> None:
        for error in (httpx.ConnectError("no"), httpx.ConnectTimeout("no"), OSError("no"), ValueError("no")):
            [result] = await self._sending(error, pulled=False)
            assert isinstance(result, RefusedForNow), error

    async def test_a_request_that_may_have_arrived_is_unknown(self) -> None:
        for error in (httpx.ReadTimeout("no"), httpx.ConnectError("no"), OSError("no"), ValueError("no")):
            [result] = await self._sending(error, pulled=True)
            assert isinstance(result, Unknown), error

    async def test_no_result_tells_whom_or_what_it_was_about(self) -> None:
        for pulled in (True, False):
            [result] = await self._sending(OSError(f"{RECIPIENT} {TEXT}"), pulled=pulled)
            assert RECIPIENT[3:] not in repr(result)
            assert TEXT not in repr(result)

    # ---- helpers

    def _webhooks(self) -> WebhookProvider:
        provider = self.provider()
        assert isinstance(provider, WebhookProvider)
        return provider

    async def _sending(self, error: Exception, *, pulled: bool) -> list[SendResult]:
        return list(await self.sender(_Broken(error, pulled=pulled)).send([submission()]))


class _Carrier(httpx.AsyncBaseTransport):
    """A transport that answers by itself and records the bodies."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response]) -> None:
        self._answer = answer
        self.bodies: list[bytes] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.bodies.append(await request.aread())
        return self._answer(request)


class _Broken(httpx.AsyncBaseTransport):
    """A connection that breaks, before or after the request was sent."""

    def __init__(self, error: Exception, *, pulled: bool) -> None:
        self._error = error
        self._pulled = pulled

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._pulled:
            await request.aread()
        raise self._error


def recordings(kind: str, *directions: str) -> list[Recording]:
    """Return the recorded payloads of a kind in some directions: inbound, reports, send."""
    paths = sorted((RECORDED / kind).glob("*.json"))
    assert paths, f"there is nothing in {RECORDED / kind}"
    found = [{**json.loads(path.read_text("utf-8")), "name": path.stem} for path in paths]
    return [recording for recording in found if recording["direction"] in directions]


def _request(recording: Recording) -> WebhookRequest:
    given = recording["request"]
    body = given["body"] if isinstance(given["body"], str) else json.dumps(given["body"], ensure_ascii=False)
    return WebhookRequest(
        body.encode(),
        given.get("headers", {}),
        given.get("token", ""),
        given.get("address", "192.0.2.1"),
        given.get("query", "").encode(),
        given.get("method", "POST"),
    )


def _refusal(read: Callable[[WebhookRequest], object], request: WebhookRequest) -> str:
    """Return why a request was refused; a request without usable items may be accepted without effect instead."""
    try:
        found = read(request)
    except MalformedRequestError as error:
        return str(error)
    nothing = isinstance(found, list) and not any(isinstance(item, InboundMessage) for item in found)
    return "it is without effect" if nothing else ""


def _with_body(request: WebhookRequest, body: bytes) -> WebhookRequest:
    return replace(request, body=body)


def _plain(item: object) -> dict[str, Any]:
    """Return the fields of an item as JSON has them, without those that are None, False or empty."""
    values = asdict(item)  # type: ignore[call-overload]
    return {name: _as_json(value) for name, value in values.items() if value not in (None, False, ())}


def _as_json(value: object) -> object:
    match value:
        case timedelta():
            return value.total_seconds()
        case datetime():
            return value.isoformat()
        case tuple():
            return list(value)
        case _:
            return value


def _compare(expected: dict[str, Any], request: httpx.Request, body: bytes) -> None:
    assert (request.method, str(request.url)) == (expected.get("method", "POST"), expected["url"])
    for name, value in expected.get("headers", {}).items():
        assert request.headers[name] == value
    wanted = expected["body"]
    assert (body.decode() if isinstance(wanted, str) else json.loads(body)) == wanted
