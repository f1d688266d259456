"""Checks of a bulk file as a whole: convert it to UTF-8, and refuse a file that is not JSON Lines or CSV."""

import codecs
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import IO, BinaryIO, cast

from app.domain.values import value
from app.providers.charsets import codec_of
from app.services.management.import_lines import UnreadableFileError, numbered_lines

_CHUNK_BYTES = 64 * 1024
_MAGIC_BYTES = 8
# More than one, so that a single bad line at the beginning does not condemn the file.
_FIRST_LINES = 10
_MAGIC = (
    (b"PK\x03\x04", "an Excel workbook or a ZIP archive; save it as CSV UTF-8"),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook; save it as CSV UTF-8"),
    (b"\x1f\x8b", "packed with gzip; send it unpacked"),
    (b"%PDF", "a PDF; save it as CSV UTF-8"),
)


@value
class _LineEncodings:
    """Counts of a file's non-ASCII lines.

    Attributes:
        beyond_ascii: lines that are valid UTF-8.
        bad: lines that are not.
        all_gbk: True if every bad line is valid GB18030.
    """

    beyond_ascii: int
    bad: int
    all_gbk: bool


@contextmanager
def in_utf8(file: BinaryIO, content_type: str = "") -> Iterator[BinaryIO]:
    """Yield the file in UTF-8, positioned at its beginning.

    It is the file itself, or a converted temporary copy if ``content_type`` or a byte order mark names another charset.
    Raise UnreadableFileError if the file is binary or in another encoding; single bad lines are tolerated. Raise
    UnknownCharsetError if ``content_type`` names a charset that is not supported.
    """
    file.seek(0)
    start = file.read(_MAGIC_BYTES)
    for mark, what in _MAGIC:
        if start.startswith(mark):
            raise UnreadableFileError(f"The file is {what}.")
    codec = codec_of(content_type, start)
    with TemporaryFile() as copy:
        found = file if codec in (None, "utf-8-sig") else _transcode(file, copy, codec or "")
        _check_encoding(found)
        found.seek(0)
        yield found


def looks_like_csv(file: BinaryIO) -> bool:
    """Return True if the first visible character does not begin a JSON value. For files without a usable type."""
    file.seek(0)
    first = next((line for _, line in numbered_lines(file) if line and line.strip()), b"")
    file.seek(0)
    return first.removeprefix(codecs.BOM_UTF8).lstrip()[:1] not in (b"{", b"[", b"")


def check_json_lines(file: BinaryIO) -> None:
    """Raise UnreadableFileError if the first lines show a JSON array, JSON over several lines, or CSV."""
    file.seek(0)
    lines = (line.removeprefix(codecs.BOM_UTF8).strip() for _, line in numbered_lines(file) if line and line.strip())
    first = [line for line, _ in zip(lines, range(_FIRST_LINES), strict=False)]
    file.seek(0)
    if not first:
        return
    if first[0].startswith(b"[") and not first[0].endswith(b"]"):
        raise UnreadableFileError("The file is one JSON array; write JSON Lines: one object a line, without commas.")
    if any(line.startswith(b"{") and len(line) > 1 for line in first):
        return
    if first[0] == b"{":
        raise UnreadableFileError("The file is JSON over several lines; write JSON Lines: each object on one line.")
    if len(first) > 1 and not any(line[:1] in (b"{", b"[") for line in first):
        raise UnreadableFileError(
            "The file is no JSON Lines; for CSV send Content-Type: text/csv and ?type=, or name the file .csv."
        )


def _transcode(file: BinaryIO, copy: IO[bytes], codec: str) -> BinaryIO:
    """Copy the file in UTF-8, chunk by chunk. Bytes that cannot be decoded stay invalid, so that only their lines fail.

    Raise UnreadableFileError if the file cannot be in that charset.
    """
    errors = "surrogatepass" if codec.startswith("utf-16") else "surrogateescape"
    decoder = codecs.getincrementaldecoder(codec)(errors)
    file.seek(0)
    try:
        while chunk := file.read(_CHUNK_BYTES):
            copy.write(decoder.decode(chunk).encode("utf-8", errors))
        copy.write(decoder.decode(b"", final=True).encode("utf-8", errors))
    except UnicodeError:
        raise UnreadableFileError("The file is not in the charset that it says: save it as UTF-8.") from None
    return cast("BinaryIO", copy)


def _check_encoding(file: BinaryIO) -> None:
    """Raise UnreadableFileError if several lines are not UTF-8 and no non-ASCII line is."""
    encodings = _count_encodings(file)
    if encodings.bad > 1 and not encodings.beyond_ascii:
        what = "in GBK (GB18030)" if encodings.all_gbk else "in no encoding that is known"
        also = ", or say charset=gbk in Content-Type" if encodings.all_gbk else ""
        raise UnreadableFileError(f"The file is not in UTF-8 but {what}: save it as UTF-8{also}.")


def _count_encodings(file: BinaryIO) -> _LineEncodings:
    beyond_ascii, bad, all_gbk = 0, 0, True
    file.seek(0)
    for _, line in numbered_lines(file):
        if line is None or line.isascii():
            continue
        try:
            line.removeprefix(codecs.BOM_UTF8).decode()
        except UnicodeDecodeError:
            bad += 1
            all_gbk = all_gbk and _fits_gbk(line)
        else:
            beyond_ascii += line != codecs.BOM_UTF8
    return _LineEncodings(beyond_ascii, bad, all_gbk)


def _fits_gbk(line: bytes) -> bool:
    try:
        line.decode("gb18030")
    except UnicodeDecodeError:
        return False
    return True
