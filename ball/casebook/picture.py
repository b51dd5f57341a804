"""The picture of a field as it may be kept: its pixels alone."""

from __future__ import annotations

import io

from ball.images import decode


def pixels_png(data: bytes) -> bytes:
    """A PNG made of the pixels of a file: no camera data, no comment, no thumbnail, no colour profile.

    Raises:
        ImageError: the file cannot be decoded.
    """
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(decode(data).rgb).save(stream, "PNG", compress_level=3)  # Three times as fast as the default, an eighth larger.
    return stream.getvalue()
