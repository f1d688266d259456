"""Standard Webhooks signatures, both ways: several secrets count while one is being replaced (delivery.md)."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook, WebhookVerificationError

from app.providers.requests import NotAuthenticError

_HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")


class Signatures:
    """Checks and makes signatures; fresh means within 5 minutes of the machine's clock."""

    def __init__(self, secrets: Sequence[str]) -> None:
        """Newest secret first. Raises ValueError for a secret that is none: ``whsec_`` and base64."""
        try:
            self._webhooks = [Webhook(secret) for secret in secrets]
        except EmptyWebhookSecretError:
            raise ValueError("a webhook secret is empty") from None

    def check(self, headers: Mapping[str, str], body: bytes) -> None:
        """Raise NotAuthenticError unless one of the secrets signed this body just now."""
        given = {name: headers.get(name, "") for name in _HEADERS}
        if not any(_signed_with(webhook, given, body) for webhook in self._webhooks):
            raise NotAuthenticError(
                "The signature is missing, wrong, or more than 5 minutes old or ahead; sign by Standard Webhooks."
            )

    def sign(self, message_id: str, body: bytes) -> dict[str, str]:
        """The headers that prove a body to be ours: one signature for each secret, in their order."""
        now, text = datetime.now(UTC), body.decode()
        signatures = " ".join(webhook.sign(message_id, now, text) for webhook in self._webhooks)
        return dict(zip(_HEADERS, (message_id, str(int(now.timestamp())), signatures), strict=True))


def _signed_with(webhook: Webhook, headers: dict[str, str], body: bytes) -> bool:
    try:
        webhook.verify(body, headers, json_parse=False)
    except (WebhookVerificationError, ValueError):
        # ValueError: a signature or body of no known form, which the library does not foresee.
        return False
    return True
