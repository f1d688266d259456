"""Standard Webhooks signatures in both directions; several secrets are valid while one is replaced."""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook, WebhookVerificationError

from app.providers.requests import NotAuthenticError

_TOLERANCE = timedelta(minutes=5)
_HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")


class Signatures:
    """Checks and makes signatures. A valid one is at most 5 minutes off the machine's clock."""

    def __init__(self, secrets: Sequence[str]) -> None:
        """Take secrets, newest first: ``whsec_`` and base64. Raise ValueError for a malformed one."""
        try:
            self._webhooks = [Webhook(secret) for secret in secrets]
            self._keys = [base64.b64decode(secret.removeprefix("whsec_") + "==") for secret in secrets]
        except EmptyWebhookSecretError:
            raise ValueError("a webhook secret is empty") from None

    def check(self, headers: Mapping[str, str], *bodies: bytes) -> None:
        """Raise NotAuthenticError unless a secret signed one of ``bodies``, within 5 minutes of now."""
        given = {name: headers.get(name, "") for name in _HEADERS}
        if not any(self._signed(given, body) for body in bodies):
            raise NotAuthenticError(
                "The signature is missing, wrong, or more than 5 minutes old or ahead; sign by Standard Webhooks."
            )

    def _signed(self, headers: dict[str, str], body: bytes) -> bool:
        try:
            body.decode()
        except UnicodeDecodeError:
            return any(_signed_bytes(key, headers, body) for key in self._keys)
        return any(_signed_with(webhook, headers, body) for webhook in self._webhooks)

    def sign(self, message_id: str, body: bytes) -> dict[str, str]:
        """Return the headers of a signed body, with one signature for each secret, in their order."""
        now, text = datetime.now(UTC), body.decode()
        signatures = " ".join(webhook.sign(message_id, now, text) for webhook in self._webhooks)
        return dict(zip(_HEADERS, (message_id, str(int(now.timestamp())), signatures), strict=True))


def _signed_with(webhook: Webhook, headers: dict[str, str], body: bytes) -> bool:
    try:
        webhook.verify(body, headers, json_parse=False)
    except (WebhookVerificationError, ValueError):
        # ValueError: a malformed signature or body, which the library does not expect.
        return False
    return True


def _signed_bytes(key: bytes, headers: dict[str, str], body: bytes) -> bool:
    """Return True for a signed body that is not UTF-8, but compressed or GBK: the library takes text only."""
    signed_id, timestamp, signatures = (headers[name] for name in _HEADERS)
    expected = hmac.new(key, f"{signed_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    given = [
        signature for version, _, signature in (one.partition(",") for one in signatures.split()) if version == "v1"
    ]
    try:
        fresh = abs(datetime.now(UTC) - datetime.fromtimestamp(float(timestamp), UTC)) <= _TOLERANCE
        matches = [hmac.compare_digest(expected, base64.b64decode(signature)) for signature in given]
    except (ValueError, OverflowError, OSError):
        return False
    return fresh and any(matches)
