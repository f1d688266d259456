"""What must be read again but by nobody else is stored sealed.

Texts that hold a password are stored masked, the original sealed beside them until their turn (safety.md 28). SPs'
secrets stay sealed, and are opened to sign.
"""

import os
from functools import cached_property
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from app.domain.escape import escape, unescape


class Sealer:
    """Encrypts with a key of 32 bytes in URL-safe base64 (Fernet: AES-128-CBC with HMAC-SHA256)."""

    def __init__(self, key: str | None = None, *, key_file: Path | None = None) -> None:
        """``key``, else the one in ``key_file``, made when first needed. ValueError if the key is not of that form."""
        self._key_file = key_file
        self._given = Fernet(key) if key is not None else None

    @cached_property
    def _fernet(self) -> Fernet:
        if self._given is not None:
            return self._given
        if self._key_file is None:
            raise ValueError("a sealer needs a key")
        if not self._key_file.exists():
            self._key_file.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(self._key_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(Fernet.generate_key())
        return Fernet(self._key_file.read_text("ascii").strip())

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
