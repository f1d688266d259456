"""Signatures of the kit against those of the library that the gateway signs by."""

from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks.webhooks import Webhook

from smsgw_testkit.wire import signing
from smsgw_testkit.wire.signing import SignatureError

BODY = '{"text": "彩铃"}'.encode()


def test_what_the_library_signs_is_verified_and_the_other_way_round() -> None:
    secret = signing.new_secret()
    now = datetime.now(UTC)
    signature = Webhook(secret).sign("1", now, BODY.decode())
    headers = {"Webhook-Id": "1", "Webhook-Timestamp": str(int(now.timestamp())), "Webhook-Signature": signature}
    signing.verify(secret, headers, BODY)
    Webhook(secret).verify(BODY, signing.sign(secret, "1", BODY))


def test_one_of_several_signatures_is_enough() -> None:
    old, new = signing.new_secret(), signing.new_secret()
    headers = signing.sign(old, "1", BODY)
    headers["webhook-signature"] += f" {signing.sign(new, '1', BODY)['webhook-signature']}"
    signing.verify(new, headers, BODY)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"webhook-signature": ""}, "not signed"),
        ({"webhook-id": ""}, "not signed"),
        ({"webhook-id": "2"}, "wrong"),
        ({"webhook-signature": "v1,!"}, "wrong"),
        ({"webhook-signature": "v2,AAAA"}, "wrong"),
        ({"webhook-timestamp": "soon"}, "within 5 minutes"),
        ({"webhook-timestamp": str(int((datetime.now(UTC) - timedelta(minutes=6)).timestamp()))}, "within 5 minutes"),
    ],
)
def test_anything_else_is_refused(changed: dict[str, str], reason: str) -> None:
    secret = signing.new_secret()
    with pytest.raises(SignatureError, match=reason):
        signing.verify(secret, signing.sign(secret, "1", BODY) | changed, BODY)
