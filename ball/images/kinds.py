"""What a file is, told from its first bytes alone."""

from __future__ import annotations

import re
from typing import Final

from ball.images.errors import UnknownFormatError, truncated

_MAGIC: Final = (
    ("JPEG", re.compile(rb"\xff\xd8\xff")),
    ("PNG", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ("TIFF", re.compile(rb"II[\x2a\x2b]\x00|MM\x00[\x2a\x2b]")),
    ("DICOM", re.compile(rb".{128}DICM", re.DOTALL)),
    ("BMP", re.compile(rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\x00\x00\x00", re.DOTALL)),
    ("WebP", re.compile(rb"RIFF.{4}WEBP", re.DOTALL)),
)
_STARTS: Final = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II\x2a\x00", b"MM\x00\x2a")
_FOREIGN: Final = (
    ("a GIF picture", re.compile(rb"GIF8")),
    ("a PDF document", re.compile(rb"%PDF")),
    ("a HEIC or AVIF picture or a film", re.compile(rb".{4}ftyp", re.DOTALL)),
    ("a JPEG 2000 picture", re.compile(rb"\x00\x00\x00\x0cjP  |\xff\x4f\xff\x51")),
    ("a Photoshop document", re.compile(rb"8BPS")),
)
_ARCHIVE: Final = re.compile(
    rb"PK(\x03\x04|\x05\x06|\x07\x08)|\x1f\x8b|7z\xbc\xaf\x27\x1c|Rar!\x1a\x07|BZh[1-9]1AY|\xfd7zXZ\x00|\x28\xb5\x2f\xfd"
)
_ACCEPTED: Final = "JPEG, PNG, TIFF, BMP, WebP and DICOM pictures can be read"


def kind_of(data: bytes) -> str | None:
    """Name of the accepted format by the first bytes; None where they are of none."""
    return next((name for name, magic in _MAGIC if magic.match(data)), None)


def format_of(data: bytes) -> str:
    """As `kind_of`.

    Raises:
        UnknownFormatError, TruncatedImageError: none; says what it is instead.
    """
    name = kind_of(data)
    if name:
        return name
    if any(start.startswith(data) for start in _STARTS):
        raise truncated()
    if _ARCHIVE.match(data):
        raise UnknownFormatError("This is an archive or an office document, not one picture. Unpack it and add the pictures in it.")
    for what, magic in _FOREIGN:
        if magic.match(data):
            raise UnknownFormatError(f"This is {what}. Only {_ACCEPTED}: save it as one of these and try again.")
    raise UnknownFormatError(f"This is no picture of a known format. Only {_ACCEPTED}.")
