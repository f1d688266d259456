"""Service passwords: Argon2id hashes, so that nobody can read one afterwards (M10)."""

from argon2 import PasswordHasher

_HASHER = PasswordHasher()


def hash_password(password: str) -> str:
    """The hash to store; takes some tens of milliseconds on purpose."""
    return _HASHER.hash(password)
