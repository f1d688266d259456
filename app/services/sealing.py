"""What must be read again but by nobody else is stored sealed.

Texts that hold a password are stored masked, the original sealed beside them until their turn (safety.md 28). SPs'
secrets stay sealed, and are opened to sign. The same keys, which the database does not hold, sign what must not be
made by others: heads of evidence (safety.md 35).
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

_HEADS, _FINGERPRINTS = b"smsgw heads of evidence", b"smsgw fingerprints"
_KEY_BYTES = 32


class Sealer:
    """Encrypts with a key of 32 bytes in URL-safe base64 (Fernet: AES-128-CBC with HMAC-SHA256)."""

    def __init__(self, *keys: str, key_file: Path | None = None) -> None:
        """``keys``: the newest first, those that it replaced behind it, and behind them the one in ``key_file``.

        Without keys that file is made when first needed. ValueError if a key is not of that form.
        """
        self._given = list(keys)
        self._key_file = key_file
        for key in keys:
            Fernet(key)

    @cached_property
    def _keys(self) -> list[str]:
        if self._key_file is not None and not self._given:
            _make(self._key_file)
        if self._key_file is None or not self._key_file.exists():
            return self._given
        return list(dict.fromkeys([*self._given, self._key_file.read_text("ascii").strip()]))

    @cached_property
    def _fernet(self) -> MultiFernet:
        return MultiFernet([Fernet(key) for key in self._keys])

    @cached_property
    def heads(self) -> HeadKeys:
        """What signs the heads of chains of evidence."""
        return HeadKeys([_derived(key, _HEADS) for key in self._keys])

    @cached_property
    def _fingerprint_key(self) -> bytes:
        return _derived(self._keys[0], _FINGERPRINTS)

    def fingerprint(self, content: bytes) -> str:
        """What tells one content from another; without the key nobody can try out which one it was.

        A password has six digits: of a plain hash it is found in no time.
        """
        return hmac.digest(self._fingerprint_key, content, "sha256").hex()

    def seal(self, text: str) -> str:
        """The sealed text, safe to store."""
        return self._fernet.encrypt(text.encode("utf-8", "surrogatepass")).decode()

    def open(self, sealed: str) -> str | None:
        """The original, or None if it was sealed with another key."""
        try:
            return self._fernet.decrypt(sealed).decode("utf-8", "surrogatepass")
        except InvalidToken:
            return None

    # ---- texts of messages

    def columns(self, text: str, masked: str | None) -> dict[str, object]:
        """A text as it is stored: as it may be shown, and the original sealed beside it where that is another."""
        if masked is None:
            return {"text": escape(text), "sealed": None}
        return {"text": escape(masked), "sealed": self.seal(text)}

    def original(self, text: str, sealed: str | None) -> str:
        """A text as it was sent, from what is stored of it."""
        opened = self.open(sealed) if sealed else None
        return unescape(text) if opened is None else opened


def _derived(key: str, purpose: bytes) -> bytes:
    """A key of its own for each purpose."""
    return HKDF(SHA256(), _KEY_BYTES, salt=None, info=purpose).derive(base64.urlsafe_b64decode(key))


def _make(file: Path) -> None:
    """Make a key file, unless there is one; whole at once, as another process may look for it."""
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
