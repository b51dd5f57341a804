"""Deeper samples brought to 8 bits; the rule stands in `ball.images`."""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin, TiffImagePlugin

from ball.images.errors import ImageTooLargeError, UnsupportedImageError

NO_WHITE: Final = (
    "The samples of this picture are 32-bit or signed numbers, so its black and white are not known. "
    "Save it as an 8-bit or 16-bit picture."
)
_MAX_DEEP: Final = 16_000_000
"""Largest picture, in pixels, whose 16-bit colours are decoded twice."""

_BAND: Final = 256
"""Rows of a deep picture that are worked on at a time."""

_DEPTHS: Final = (8, 10, 12, 14, 16)
_BITS, _PHOTOMETRIC = 258, 262


def eight_bits(image: Image.Image, data: bytes, notices: list[str]) -> Image.Image:
    """The picture with 8 bits a sample; turned like ``image``. See the module's text for the rule."""
    if image.mode in ("I", "F"):
        raise UnsupportedImageError(NO_WHITE)
    if image.mode == "LAB":
        raise UnsupportedImageError("This picture has Lab colours. Save it as an RGB picture.")
    bits = _bits_of(image, data)
    if "transparency" in image.info and image.mode != "P" and bits != 8:
        # Pillow compares the key, which has the depth of the file, with samples brought to 8 bits.
        del image.info["transparency"]
        notices.append("The one colour that the file calls transparent was left as it is.")
    if bits <= 8:
        return image
    grey = image.mode.startswith("I;16")
    depth = 16
    # Pillow keeps the upper 8 bits of 16-bit colours, which is all there is to do if they fill the range.
    if grey or (image.mode in ("RGB", "RGBA") and max(most for _, most in _extrema(image)[:3]) < 64):
        samples = np.asarray(image).astype(np.uint16) if grey else _deep_colours(image, data)
        depth = bits if bits < 16 else _depth(samples[..., :3])
        image = _shifted(image, samples, depth)
    used = "" if depth == bits else f" Its samples use {depth} of their {bits} bits, so {depth} bits were taken as the full range."
    notices.append(f"{bits}-bit {'grey' if grey else 'colour'} was brought to 8 bits.{used}")
    return image


def _extrema(image: Image.Image) -> list[tuple[int, int]]:
    """Least and largest sample of every band, without a copy of the picture."""
    found: Any = image.getextrema()
    return list(found) if isinstance(found[0], tuple) else [found]


def _bits_of(image: Image.Image, data: bytes) -> int:
    """Bits a sample, as the header says."""
    if isinstance(image, PngImagePlugin.PngImageFile):
        return data[24]
    return max(image.tag_v2.get(_BITS, (1,))) if isinstance(image, TiffImagePlugin.TiffImageFile) else 8


def _depth(samples: NDArray[np.uint16]) -> int:
    largest = int(samples.max())
    return next(depth for depth in _DEPTHS if largest < 2**depth)


def _shifted(image: Image.Image, samples: NDArray[np.uint16], depth: int) -> Image.Image:
    """Keep the upper 8 of ``depth`` bits of (H, W) or (H, W, 3 or 4) samples; opacity always has 16."""
    eight = np.empty(samples.shape, np.uint8)
    for top in range(0, len(samples), _BAND):  # A band at a time: whole, the shifted samples would take as much again.
        eight[top : top + _BAND] = samples[top : top + _BAND] >> (depth - 8)
    if samples.ndim == 3 and samples.shape[2] == 4:
        eight[..., 3] = samples[..., 3] >> 8
    white_is_zero = isinstance(image, TiffImagePlugin.TiffImageFile) and image.tag_v2.get(_PHOTOMETRIC) == 0
    return Image.fromarray(~eight if white_is_zero else eight)


def _deep_colours(image: Image.Image, data: bytes) -> NDArray[np.uint16]:
    """All 16 bits of dark colours, (H, W, 3 or 4), from OpenCV: Pillow has only the upper 8, and must agree on these."""
    if image.width * image.height > _MAX_DEEP:
        raise ImageTooLargeError("This 16-bit picture is dark and large. Save it as an 8-bit picture, crop it or shrink it.")
    deep = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if deep is not None and deep.dtype == np.uint16 and deep.ndim == 3:
        cv2.cvtColor(deep, cv2.COLOR_BGRA2RGBA if deep.shape[2] == 4 else cv2.COLOR_BGR2RGB, dst=deep)
        samples, bands = np.asarray(deep, dtype=np.uint16), range(0, len(deep), _BAND)
        if deep.shape[1::-1] == image.size and all(
            np.array_equal(samples[top : top + _BAND] >> 8, np.asarray(image.crop((0, top, image.width, min(top + _BAND, image.height)))))
            for top in bands
        ):
            return samples
    raise UnsupportedImageError("This 16-bit picture is too dark to be read as it is stored. Save it as an 8-bit picture.")
