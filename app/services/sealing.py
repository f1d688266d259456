"""Encryption ("sealing") of secrets in the database, with keys that are not stored there.

A text that contains a password is stored masked, with the original sealed beside it until its turn (safety.md 28).
Webhook secrets of SPs are stored sealed and opened to sign events. Keys derived from the same ones sign the heads of
evidence (safety.md 35).
"""

import base64
import hmac
import os
from functools import cached_property
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.domain.escape import escape, unescape
from app.domain.heads import HeadKeys

_HEADS_PURPOSE, _FINGERPRINTS_PURPOSE = b"smsgw heads of evidence", b"smsgw fingerprints"
_KEY_BYTES = 32


class Sealer:
    """Encrypts with a key of 32 bytes in URL-safe base64 (Fernet: AES-128-CBC with HMAC-SHA256)."""

    def __init__(self, *keys: str, key_file: Path | None = None) -> None:
        """``keys``: the newest first, which encrypts, then those that it replaced. A key in ``key_file`` is the oldest.

        If no keys are given, the file is created when a key is first needed. Raise ValueError if a key is malformed.
        """
        self._keys_given = list(keys)
        self._key_file = key_file
        for key in keys:
            Fernet(key)

    @cached_property
    def _keys(self) -> list[str]:
        if self._key_file is not None and not self._keys_given:
            _create_key_file(self._key_file)
        if self._key_file is None or not self._key_file.exists():
            return self._keys_given
        return list(dict.fromkeys([*self._keys_given, self._key_file.read_text("ascii").strip()]))

    @cached_property
    def _fernet(self) -> MultiFernet:
        return MultiFernet([Fernet(key) for key in self._keys])

    @cached_property
    def heads(self) -> HeadKeys:
        """The keys that sign the heads of evidence chains."""
        return HeadKeys([_derive_key(key, _HEADS_PURPOSE) for key in self._keys])

    @cached_property
    def _fingerprint_keys(self) -> list[bytes]:
        return [_derive_key(key, _FINGERPRINTS_PURPOSE) for key in self._keys]

    def fingerprint(self, content: bytes) -> str:
        """Return a keyed hash of ``content`` (HMAC-SHA256, hex).

        Without the key nobody can find the content by trying: a plain hash would soon reveal a password of six digits.
        """
        return hmac.digest(self._fingerprint_keys[0], content, "sha256").hex()

    def replaced_fingerprints(self, content: bytes) -> list[str]:
        """Return the fingerprints of ``content`` by the keys that the newest has replaced; mostly none."""
        return [hmac.digest(key, content, "sha256").hex() for key in self._fingerprint_keys[1:]]

    def is_fingerprint(self, known: str, content: bytes) -> bool:
        """Return True if ``known`` is the fingerprint of ``content`` by any of the keys."""
        return any(known == hmac.digest(key, content, "sha256").hex() for key in self._fingerprint_keys)

    def seal(self, text: str) -> str:
        """Return the text encrypted, safe to store."""
        return self._fernet.encrypt(text.encode("utf-8", "surrogatepass")).decode()

    def open(self, sealed: str) -> str | None:
        """Return the original text, or None if it was sealed with a key that is not known here."""
        try:
            return self._fernet.decrypt(sealed).decode("utf-8", "surrogatepass")
        except InvalidToken:
            return None

    def seal_anew(self, sealed: str) -> str | None:
        """Return what was sealed with a replaced key sealed with the newest one; None if that has sealed it.

        Raise ValueError if it was sealed with a key that is not known here.
        """
        try:
            Fernet(self._keys[0]).decrypt(sealed)
        except InvalidToken:
            text = self.open(sealed)
            if text is None:
                raise ValueError("sealed with an unknown key") from None
            return self.seal(text)
        return None

    # ---- texts of messages

    def columns(self, text: str, masked: str | None) -> dict[str, object]:
        """Return the columns that store a text. ``masked``: the text as it may be shown, None: the text itself."""
        if masked is None:
            return {"text": escape(text), "sealed": None}
        return {"text": escape(masked), "sealed": self.seal(text)}

    def original(self, text: str, sealed: str | None) -> str:
        """Return a text as it was sent from its columns, or as it is shown if it cannot be opened."""
        opened = self.open(sealed) if sealed else None
        return unescape(text) if opened is None else opened


def _derive_key(key: str, purpose: bytes) -> bytes:
    """Derive a separate key for each purpose."""
    return HKDF(SHA256(), _KEY_BYTES, salt=None, info=purpose).derive(base64.urlsafe_b64decode(key))


def _create_key_file(file: Path) -> None:
    """Create a key file, unless it exists; atomically, as another process may read it."""
    if file.exists():
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_name(f"{file.name}.{os.getpid()}")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as opened:
        opened.write(Fernet.generate_key())
    try:
        file.hardlink_to(new)
    except FileExistsError:  # another process was faster
        return
    finally:
        new.unlink()
