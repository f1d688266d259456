"""Charsets that are accepted, by byte order mark or by the label in Content-Type."""

import codecs
from email.message import Message

# The codec for each accepted label. Supersets, as senders often label a text with a subset of its charset.
_CODECS = {
    "utf-8": "utf-8-sig", "utf8": "utf-8-sig", "us-ascii": "utf-8-sig", "ascii": "utf-8-sig",
    "utf-16": "utf-16", "utf-16le": "utf-16-le", "utf-16be": "utf-16-be",
    "gbk": "gb18030", "gb2312": "gb18030", "gb18030": "gb18030", "cp936": "gb18030", "x-gbk": "gb18030",
    "big5": "cp950", "iso-8859-1": "latin-1", "latin1": "latin-1", "windows-1252": "cp1252",
}  # fmt: skip
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
READ = "UTF-8, UTF-16, GBK, GB18030, Big5, ISO-8859-1 or Windows-1252"


class UnknownCharsetError(ValueError):
    """Content-Type names a charset that is not accepted; the message says which are."""

    def __init__(self) -> None:
        super().__init__(f"The charset that Content-Type names is not read; write {READ}.")


def media_type_of(content_type: str) -> str:
    """Return the media type without its parameters, in lower case; empty if there is none."""
    return content_type.partition(";")[0].strip().lower()


def codec_of(content_type: str, start: bytes) -> str | None:
    """Return the codec by byte order mark, else by label; None without either. Raise UnknownCharsetError."""
    marked = next((codec for mark, codec in _MARKS if start.startswith(mark)), None)
    if marked or "charset" not in content_type.lower():
        return marked
    header = Message()
    header["content-type"] = content_type
    label = header.get_param("charset")
    codec = _CODECS.get(label.strip().lower().replace("_", "-")) if isinstance(label, str) else None
    if codec is None:
        raise UnknownCharsetError
    return codec
