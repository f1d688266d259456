"""Standard Webhooks signatures, by the standard library."""

import base64
import binascii
import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping

_TOLERANCE_SECONDS = 300
_PREFIX = "whsec_"
_SECRET_BYTES = 32


class SignatureError(Exception):
    """A signature is missing, malformed, wrong or too old."""


def new_secret() -> str:
    """Return a new secret."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def sign(secret: str, message_id: str, body: bytes, at: int | None = None) -> dict[str, str]:
    """Return the headers of a signed body; ``at`` is in seconds of the epoch, default now."""
    stamp = str(int(time.time()) if at is None else at)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{base64.b64encode(_mac(secret, message_id, stamp, body)).decode()}",
    }


def verify(secret: str, headers: Mapping[str, str], body: bytes) -> None:
    """Raise SignatureError unless the secret signed this body within 5 minutes of now."""
    given = {name.lower(): value for name, value in headers.items()}
    message_id, stamp = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
    signatures = given.get("webhook-signature", "").split()
    if not (message_id and stamp and signatures):
        raise SignatureError("it is not signed: webhook-id, webhook-timestamp or webhook-signature is missing")
    if not stamp.isdigit() or abs(time.time() - int(stamp)) > _TOLERANCE_SECONDS:
        raise SignatureError(f"its timestamp {stamp} is not within 5 minutes of this machine's time")
    expected = _mac(secret, message_id, stamp, body)
    if not any(hmac.compare_digest(expected, _decoded(one)) for one in signatures):
        raise SignatureError("its signature is wrong for the receiver's secret")


def _mac(secret: str, message_id: str, stamp: str, body: bytes) -> bytes:
    key = base64.b64decode(secret.removeprefix(_PREFIX) + "==")
    return hmac.new(key, f"{message_id}.{stamp}.".encode() + body, hashlib.sha256).digest()


def _decoded(signature: str) -> bytes:
    version, _, encoded = signature.partition(",")
    if version != "v1":
        return b""
    try:
        return base64.b64decode(encoded, validate=True)
    except binascii.Error:
        return b""
