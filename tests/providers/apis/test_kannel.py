"""Kannel keeps the contract, and what is its own (carriers.md 9.2)."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest

from app import providers
from app.domain.messages import InboundResult
from app.providers.apis.kannel import KannelProvider
from app.providers.base import Submission
from app.providers.requests import MalformedRequestError, NotAuthenticError, WebhookRequest
from tests.providers import contract
from tests.providers.contract import WebhookContract, submission

TOKEN = "a-token-of-24-letters-at-all"
OPTIONS: Mapping[str, object] = {
    "path_token": TOKEN,
    "username": "smsgw",
    "password": "sesame",
    "public_url": "http://gateway:8086/",
}
pytestmark = pytest.mark.anyio


def made(**options: object) -> KannelProvider:
    return contract.made(KannelProvider, **{**OPTIONS, **options})


class TestKannel(WebhookContract):
    kind = "kannel"
    options: ClassVar[Mapping[str, object]] = OPTIONS

    def signed(self, request: WebhookRequest) -> WebhookRequest:
        return replace(request, token=TOKEN)

    def forged(self, request: WebhookRequest) -> WebhookRequest:
        return replace(request, token=TOKEN[::-1])


def test_every_answer_is_empty_as_kannel_would_send_it_to_the_subscriber() -> None:
    provider = made()
    ours = "1841972247594532864"
    answers = [provider.answer_one(InboundResult(ours, new=new)) for new in (True, False)]
    answers += [provider.answer_reports(known=known) for known in (True, False)]
    assert [(answer.status, answer.body) for answer in answers] == [(200, b"")] * 4


def test_without_an_id_a_text_is_known_by_its_time() -> None:
    query = b"from=13800138000&to=10086&text=1&ts=%d&smsc=fake"
    first, again, later = (
        made().parse_inbound(WebhookRequest(query=query % at, method="GET"))
        for at in (1772330400, 1772330400, 1772330401)
    )
    assert first == again != later


@pytest.mark.parametrize("status", ["", "delivered", "-1", "1000000"])
def test_a_status_that_is_no_number_is_refused(status: str) -> None:
    query = f"reference=1858513718529228800&status={status}".encode()
    with pytest.raises(MalformedRequestError, match="status"):
        made().parse_reports(WebhookRequest(query=query, method="GET"))


def test_a_request_without_the_token_is_refused() -> None:
    with pytest.raises(NotAuthenticError):
        made().admit(WebhookRequest(query=b"from=1&to=2", method="GET"))


def headers_of(item: Submission, **options: object) -> Mapping[str, str]:
    return made(**options).call(item).headers


def test_a_menu_that_is_void_is_not_delivered_any_more() -> None:
    item = replace(submission(), valid_until=datetime.now(UTC) + timedelta(minutes=9, seconds=30))
    assert headers_of(item)["x-kannel-validity"] == "9"
    assert "x-kannel-validity" not in headers_of(submission())


def test_a_text_of_the_default_alphabet_is_sent_in_it() -> None:
    assert headers_of(replace(submission(text="Hi"), encoding="gsm7"))["x-kannel-coding"] == "0"


def test_it_may_be_sent_through_one_smsc_from_another_number() -> None:
    headers = headers_of(submission(), smsc="mobile", sender="10010", single_number=True)
    assert (headers["x-kannel-smsc"], headers["x-kannel-from"]) == ("mobile", "10010")


@pytest.mark.parametrize(
    ("left_out", "problem"),
    [
        ("public_url", "providers.carrier.public_url: is missing"),
        ("path_token", "providers.carrier: anybody could post messages"),
    ],
)
def test_settings_that_cannot_work_are_named(left_out: str, problem: str) -> None:
    given = {name: value for name, value in OPTIONS.items() if name != left_out}
    model = providers.provider_kinds()["kannel"].model_validate({"kind": "kannel", **given})
    said = list(model.problems("carrier", production=True, private=True))
    assert len(said) == 1
    assert said[0].startswith(problem)
    assert "secret" not in said[0], "Kannel signs nothing"
