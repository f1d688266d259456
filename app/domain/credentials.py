"""Whether a secret can be guessed: one rule for every secret that the gateway is given (delivery.md, security).

What is wrong is told as the end of a sentence that begins with the secret's name, and never quotes it.
"""

import binascii
import re
from base64 import b64decode, urlsafe_b64decode

_PREFIX = "whsec_"
_LEAST_BYTES = 16
# Of any 16 random bytes, 8 or fewer are different once in 10 million times.
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
    """Whether there is too little of it, or too little in it."""
    return len(secret) < _LEAST_BYTES or len(set(secret)) < _LEAST_DIFFERENT


def signing_violation(secret: str) -> str | None:
    """What is wrong with a secret that signs by Standard Webhooks, if anything."""
    try:
        key = b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return _SIGNING
    return _SIGNING if not secret.startswith(_PREFIX) or can_be_guessed(key) else None


def sealing_violation(key: str) -> str | None:
    """What is wrong with a key that seals what is stored, if anything."""
    try:
        raw = urlsafe_b64decode(key.encode("ascii", "replace"))
    except binascii.Error:
        return _SEALING
    return _SEALING if len(raw) != _SEALING_BYTES or can_be_guessed(raw) else None


def token_violation(token: str) -> str | None:
    """What is wrong with the token of a webhook's path, if anything."""
    return None if _TOKEN.fullmatch(token) and not can_be_guessed(token.encode()) else _PATH


def pair_violation(pair: str) -> str | None:
    """What is wrong with ``user:password`` of basic auth, if anything."""
    user, _, password = pair.partition(":")
    return None if user and not can_be_guessed(password.encode("utf-8", "replace")) else _PAIR
