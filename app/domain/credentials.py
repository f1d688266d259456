"""Rules for secrets in the settings: each must have the right form and be hard to guess (delivery.md, security).

A violation is the end of a sentence that begins with the name of the setting. It never quotes the secret.
"""

import binascii
import re
from base64 import b64decode, urlsafe_b64decode

_PREFIX = "whsec_"
_LEAST_BYTES = 16
# 16 random bytes have 8 or fewer different values once in 10 million times.
_LEAST_DIFFERENT = 8
_TOKEN = re.compile(r"[A-Za-z0-9_-]{20,}")
_SIGNING = (
    "must be whsec_ and 16 or more random bytes in base64; whsec_ and what `openssl rand -base64 32` prints will do"
)
_SEALING_BYTES = 32
_SEALING = "is not 32 random bytes in URL-safe base64; make one with `smsgw config seal-key`"
_PATH = "must be 20 or more random letters, digits, - or _; `openssl rand -hex 24` makes one"
_PAIR = "must be user:password, the password 16 or more random characters; `openssl rand -hex 24` makes one"


def can_be_guessed(secret: bytes) -> bool:
    """Return True if the secret is shorter than 16 bytes or has fewer than 8 different ones."""
    return len(secret) < _LEAST_BYTES or len(set(secret)) < _LEAST_DIFFERENT


def signing_violation(secret: str) -> str | None:
    """Return what is wrong with a secret that signs requests (Standard Webhooks), or None."""
    try:
        key = b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return _SIGNING
    return _SIGNING if not secret.startswith(_PREFIX) or can_be_guessed(key) else None


def sealing_violation(key: str) -> str | None:
    """Return what is wrong with a key that encrypts stored values, or None."""
    try:
        raw = urlsafe_b64decode(key.encode("ascii", "replace"))
    except binascii.Error:
        return _SEALING
    return _SEALING if len(raw) != _SEALING_BYTES or can_be_guessed(raw) else None


def token_violation(token: str) -> str | None:
    """Return what is wrong with the token in a webhook's path, or None."""
    return None if _TOKEN.fullmatch(token) and not can_be_guessed(token.encode()) else _PATH


def pair_violation(pair: str) -> str | None:
    """Return what is wrong with ``user:password`` for basic auth, or None."""
    user, _, password = pair.partition(":")
    return None if user and not can_be_guessed(password.encode("utf-8", "replace")) else _PAIR
