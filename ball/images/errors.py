"""Why no picture could be had, in sentences that say what to do, and the limits of what is read."""

from __future__ import annotations

from typing import Final

MAX_BYTES: Final = 64 * 2**20
"""Largest file read, in bytes."""

MAX_PIXELS: Final = 25_000_000
"""Largest picture decoded, width times height: the camera of any microscope, within 500 MB whatever the format."""


class ImageError(ValueError):
    """No picture could be had; the message is one or two sentences for the reader of smears."""


class EmptyImageError(ImageError):
    """Zero bytes."""


class UnknownFormatError(ImageError):
    """None of the accepted formats."""


class DamagedImageError(ImageError):
    """An accepted format that its decoder refuses."""


class TruncatedImageError(DamagedImageError):
    """The end of the file is missing."""


class ImageTooLargeError(ImageError):
    """More bytes or pixels than are read."""


class UnsupportedImageError(ImageError):
    """An accepted format of a kind that has no one reading as 8-bit RGB."""


class UnreadableFileError(ImageError):
    """The file is missing, a folder, or not to be opened."""


def require_bytes(count: int, least: int = 1) -> None:
    """Refuse a file of fewer than ``least`` or more than `MAX_BYTES` bytes.

    Raises:
        EmptyImageError, ImageTooLargeError: says what to do.
    """
    if count < least:
        raise EmptyImageError("The file is empty. Copy it again from where it came.")
    if count > MAX_BYTES:
        raise ImageTooLargeError(
            f"The file has {count / 2**20:.0f} MiB; at most {MAX_BYTES // 2**20} can be read. Crop the picture or save it as JPEG or PNG."
        )


def require_pixels(size: tuple[int, int], most: int = MAX_PIXELS, kind: str = "") -> None:
    """Refuse a picture of more than ``most`` pixels; ``kind`` names what has this limit, "JPEG 2000" for example.

    Raises:
        ImageTooLargeError: says what to do.
    """
    pixels = size[0] * size[1]
    if pixels > most:
        limit = f"{most // 10**6} million can be read{f' as {kind}' if kind else ''}"
        raise ImageTooLargeError(
            f"The picture has {size[0]} x {size[1]} pixels, {pixels / 1e6:.0f} million; at most {limit}. "
            "Crop it to one field or shrink it."
        )


def truncated() -> TruncatedImageError:
    """The error for a file whose end is missing."""
    return TruncatedImageError("The picture is cut short: the end of the file is missing. Copy it again from where it came.")


def damaged() -> DamagedImageError:
    """The error for a file that its decoder refuses."""
    return DamagedImageError(
        "The picture could not be decoded: the file is damaged or of an unusual kind. "
        "Copy it again from where it came, or open it in another program and save it as PNG."
    )
