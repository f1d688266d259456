"""Checking of secrets and signatures in constant time, with several valid at a time, and of their age."""

import hmac
import time
from collections.abc import Iterable


def is_one_of(given: str, expected: Iterable[str]) -> bool:
    """Return True if a secret or signature is one of those expected. All are compared: the time reveals nothing."""
    matches = [hmac.compare_digest(given.encode(errors="replace"), one.encode()) for one in expected]
    return any(matches)


def is_fresh(seconds: str, tolerance_seconds: float) -> bool:
    """Return True if a time, in whole seconds since 1970, is near the machine's clock."""
    if not (seconds.isascii() and seconds.isdecimal() and len(seconds) <= len("9999999999")):
        return False
    return abs(time.time() - int(seconds)) <= tolerance_seconds
