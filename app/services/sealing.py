"""Texts that hold a password are stored masked; the original waits sealed beside them until its turn (safety.md 28)."""

from cryptography.fernet import Fernet, InvalidToken


class Sealer:
    """Encrypts with a key from the settings (32 bytes, URL-safe base64; AES-128-CBC with HMAC-SHA256)."""

    def __init__(self, key: str) -> None:
        """Raises ValueError if the key is not of that form."""
        self._fernet = Fernet(key)

    def seal(self, text: str) -> str:
        """The sealed text, safe to store."""
        return self._fernet.encrypt(text.encode("utf-8", "surrogatepass")).decode()

    def open(self, sealed: str) -> str | None:
        """The original, or None if it was sealed with another key."""
        try:
            return self._fernet.decrypt(sealed).decode("utf-8", "surrogatepass")
        except InvalidToken:
            return None
