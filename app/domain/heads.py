"""Signatures of chain heads: HMACs with keys that are not in the database (safety.md 35).

Whoever can write to the database can truncate or replace a chain, but cannot sign its new head.
"""

import hashlib
import hmac
from collections.abc import Sequence

from app.domain.evidence import GENESIS, UNREADABLE, ChainHead, ChainViolation

_ID_LENGTH = 8


def _key_id(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest()[:_ID_LENGTH]


class HeadKeys:
    """Signs heads with the newest key and verifies them with any key, including replaced ones."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        """Accept keys of 32 random bytes each, the newest first."""
        # Keyed once and copied: keying is the expensive part, and most turns sign a head.
        self._keyed = {_key_id(key): hmac.new(key, digestmod=hashlib.sha256) for key in keys}
        self.newest = _key_id(keys[0])

    def __contains__(self, key_id: str) -> bool:
        """Return True if there is a key with this id."""
        return key_id in self._keyed

    def mac(self, key_id: str, words: str) -> str | None:
        """Return the HMAC-SHA256 of ``words`` in hex, or None if there is no such key."""
        keyed = self._keyed.get(key_id)
        if keyed is None:
            return None
        mac = keyed.copy()
        mac.update(words.encode())
        return mac.hexdigest()

    def sign(self, msisdn: str, tenure: int, seq: int = 0, hash_: str = GENESIS) -> ChainHead:
        """Return the signed head of a chain that ends at this record; by default of an empty chain."""
        return ChainHead(seq, hash_, self.newest, self.mac(self.newest, f"{msisdn}\n{tenure}\n{seq}\n{hash_}"))

    def follow(self, msisdn: str, tenure: int, before: ChainHead, after: ChainHead) -> ChainHead:
        """Return ``after`` as the new head, signed only if the signature of ``before`` is valid.

        Otherwise a manipulated chain would get a valid signature as soon as the gateway appends to it.
        """
        if self.violation(msisdn, tenure, before) is not None:
            return ChainHead(after.seq, after.hash)
        return self.sign(msisdn, tenure, after.seq, after.hash)

    def violation(self, msisdn: str, tenure: int, head: ChainHead) -> ChainViolation | None:
        """Return what is wrong with the signature of a head, or None."""
        if head.key is None or head.mac is None:
            return ChainViolation.NOT_SIGNED
        mac = self.mac(head.key, f"{msisdn}\n{tenure}\n{head.seq}\n{head.hash}")
        if mac is None:
            return ChainViolation.KEY_UNKNOWN
        try:
            return None if head.mac.isascii() and hmac.compare_digest(mac, head.mac) else ChainViolation.NOT_SIGNED
        except UNREADABLE:  # SQLite keeps values of every type in any column
            return ChainViolation.UNREADABLE
