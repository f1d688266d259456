"""Heads of chains carry the gateway's own mark, made with keys that the database does not hold (safety.md 35).

Who can write to the database can cut a chain, or make another one; the mark of its head he cannot make.
"""

import hashlib
import hmac
from collections.abc import Sequence

from app.domain.evidence import GENESIS, UNREADABLE, ChainHead, ChainViolation

_ID_LENGTH = 8


def _key_id(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest()[:_ID_LENGTH]


class HeadKeys:
    """Signs heads with the newest key, and knows those of keys that were replaced."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        """``keys``: 32 random bytes each, the newest first."""
        # Begun once: that is the dearer part of so short a mark, which is made with every turn that changes something.
        self._begun = {_key_id(key): hmac.new(key, digestmod=hashlib.sha256) for key in keys}
        self.newest = _key_id(keys[0])

    def __contains__(self, key_id: str) -> bool:
        """Whether this key is among them."""
        return key_id in self._begun

    def mac(self, key_id: str, words: str) -> str | None:
        """The mark of some words, a line for each; None if there is no such key."""
        begun = self._begun.get(key_id)
        if begun is None:
            return None
        mark = begun.copy()
        mark.update(words.encode())
        return mark.hexdigest()

    def sign(self, msisdn: str, tenure: int, seq: int = 0, hash_: str = GENESIS) -> ChainHead:
        """The head of a chain that ends here; without a place, of one that begins."""
        return ChainHead(seq, hash_, self.newest, self.mac(self.newest, f"{msisdn}\n{tenure}\n{seq}\n{hash_}"))

    def follow(self, msisdn: str, tenure: int, before: ChainHead, after: ChainHead) -> ChainHead:
        """The head that takes another one's place, signed only if that one was ours.

        Else whoever changed a chain would only have to wait until the gateway itself goes on with it.
        """
        if self.violation(msisdn, tenure, before) is not None:
            return ChainHead(after.seq, after.hash)
        return self.sign(msisdn, tenure, after.seq, after.hash)

    def violation(self, msisdn: str, tenure: int, head: ChainHead) -> ChainViolation | None:
        """What is wrong with the mark of a head."""
        if head.key is None or head.mac is None:
            return ChainViolation.NOT_SIGNED
        mac = self.mac(head.key, f"{msisdn}\n{tenure}\n{head.seq}\n{head.hash}")
        if mac is None:
            return ChainViolation.KEY_UNKNOWN
        try:
            return None if head.mac.isascii() and hmac.compare_digest(mac, head.mac) else ChainViolation.NOT_SIGNED
        except UNREADABLE:  # SQLite keeps values of every type in any column
            return ChainViolation.UNREADABLE
