"""One way in for every picture: bytes to RGB, and nothing else ever comes out but an `ImageError`.

The format is told from the first bytes, never from the name, and only that one decoder is tried. Sizes are checked on
the header, before a pixel is decoded. A file that is damaged or cut short is refused as a whole: half a picture would
be read as if it were a field. What is checked beyond the decoder: checksums and rows of PNG, the end mark and the number of
scans of JPEG, that the strips of a TIFF cover it.

Deeper than 8 bits: a picture of 16-bit samples is shifted down, not stretched. Its largest sample tells how many bits
the camera used (8, 10, 12, 14 or 16: a 12-bit sensor never exceeds 4095), and the upper eight of these are kept; all
colours are shifted alike. 32-bit samples have no agreed white and are refused.

Colour profiles (ICC) are ignored: the networks were trained on samples as stored. CMYK is taken as Pillow takes it,
which for JPEG means the inverted values that Adobe writes. No global state is changed, so threads may decode at will.
"""

from ball.images.decoding import Decoded, decode
from ball.images.errors import (
    MAX_BYTES,
    MAX_PIXELS,
    DamagedImageError,
    EmptyImageError,
    ImageError,
    ImageTooLargeError,
    TruncatedImageError,
    UnknownFormatError,
    UnreadableFileError,
    UnsupportedImageError,
    damaged,
    require_bytes,
    require_pixels,
    truncated,
)
from ball.images.kinds import kind_of

__all__ = [
    "MAX_BYTES", "MAX_PIXELS", "DamagedImageError", "Decoded", "EmptyImageError", "ImageError", "ImageTooLargeError",
    "TruncatedImageError", "UnknownFormatError", "UnreadableFileError", "UnsupportedImageError", "damaged", "decode", "kind_of",
    "require_bytes", "require_pixels", "truncated",
]  # fmt: skip
