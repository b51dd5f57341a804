"""Bytes to RGB."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

# The five decoders are imported by name so that Pillow finds them without loading its forty others on first use.
from PIL import BmpImagePlugin, Image, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin
from PIL.ImageFile import ImageFile

from ball.images.depth import NO_WHITE, eight_bits
from ball.images.errors import (
    MAX_PIXELS,
    DamagedImageError,
    ImageError,
    ImageTooLargeError,
    UnsupportedImageError,
    damaged,
    require_bytes,
    require_pixels,
    truncated,
)
from ball.images.headers import check_header
from ball.images.kinds import format_of
from ball.values import require_rgb

_DECODERS: Final = {
    "JPEG": JpegImagePlugin.JpegImageFile.format,
    "PNG": PngImagePlugin.PngImageFile.format,
    "TIFF": TiffImagePlugin.TiffImageFile.format,
    "BMP": BmpImagePlugin.BmpImageFile.format,
    "WebP": WebPImagePlugin.WebPImageFile.format,
}
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION, _WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _PLANAR, _SAMPLE_FORMAT, _SUBSAMPLING = 274, 256, 257, 258, 262, 284, 339, 530
_OFFSETS, _COUNTS, _TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_COUNTS = 273, 279, 322, 323, 324, 325


@dataclass(frozen=True, eq=False)
class Decoded:
    """A picture.

    ``rgb`` is uint8 (H, W, 3), C-contiguous, turned upright, and may be read-only. ``size`` is (width, height) as
    stored, before turning. ``notices`` are sentences about what was done to it.

    Raises:
        ValueError: ``rgb`` is not an RGB uint8 array.
    """

    rgb: NDArray[np.uint8]
    format: str
    size: tuple[int, int]
    notices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "rgb", np.ascontiguousarray(require_rgb(self.rgb)))


def decode(data: bytes) -> Decoded:
    """Decode a file's bytes: JPEG, PNG, TIFF, BMP, WebP or DICOM.

    An 8-bit RGB picture gives its samples unchanged. Transparent parts are put on white, the EXIF orientation is
    applied, and of several pictures in one file the first is taken; notices say so.

    Raises:
        ImageError: for whatever cannot be decoded whole, nothing else.
    """
    require_bytes(len(data))
    name = format_of(data)
    try:
        if name == "DICOM":
            from ball.images.dicom import decode_dicom  # pydicom is loaded for the rare file that needs it.

            return decode_dicom(data)
        check_header(data, name)
        return _decode(data, name)
    except ImageError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageTooLargeError(f"The picture has more than {MAX_PIXELS // 10**6} million pixels. Crop or shrink it.") from error
    except MemoryError as error:
        raise ImageTooLargeError("There is too little memory to decode this picture. Crop or shrink it.") from error
    except Exception as error:  # Decoders raise nearly anything on damaged bytes: struct.error, KeyError, zlib.error...
        raise _damage(error, data, name) from error


def _damage(error: Exception, data: bytes, name: str) -> DamagedImageError:
    """The error for bytes that a decoder refused: cut short where that can be told, else damaged."""
    said = str(error).lower()
    short = any(word in said for word in ("truncated", "incomplete", "not enough")) or (name == "TIFF" and _tiff_reaches_past(data))
    return truncated() if short else damaged()


def _decode(data: bytes, name: str) -> Decoded:
    with Image.open(io.BytesIO(data), formats=[_DECODERS[name]]) as image:
        require_pixels(image.size)
        notices = ["This file holds several pictures; only the first was read."] if getattr(image, "is_animated", False) else []
        tiff = isinstance(image, TiffImagePlugin.TiffImageFile)
        orientation, stored = _load_tiff(image) if isinstance(image, TiffImagePlugin.TiffImageFile) else _load(image, notices)
        upright = _flat(eight_bits(image, data, notices), notices)
        if orientation in _TURNS:
            notices.append("The picture was turned as its EXIF orientation says.")
            upright = upright if tiff else upright.transpose(_TURNS[orientation])
        return Decoded(np.asarray(upright, dtype=np.uint8), name, stored, tuple(notices))


def _load_tiff(image: TiffImagePlugin.TiffImageFile) -> tuple[int, tuple[int, int]]:
    """Load the pixels; return orientation and size as stored. Pillow turns a TIFF while it loads it, and forgets how."""
    _check_tiff(image)
    orientation, stored = image.getexif().get(_ORIENTATION, 1), (image.tag_v2[_WIDTH], image.tag_v2[_HEIGHT])
    image.load()
    return orientation, stored


def _load(image: ImageFile, notices: list[str]) -> tuple[int, tuple[int, int]]:
    """Load the pixels of any other format; return orientation and size as stored."""
    if any(tile.extents != (0, 0, *image.size) for tile in image.tile):
        raise damaged()
    image.load()
    try:
        return int(image.getexif().get(_ORIENTATION, 1)), image.size
    except Exception:  # noqa: BLE001 - this parser raises nearly anything, and damaged EXIF does not make the pixels worse.
        notices.append("The EXIF data are damaged, so the picture was left as it is stored.")
        return 1, image.size


def _check_tiff(image: TiffImagePlugin.TiffImageFile) -> None:
    """Refuse what Pillow would decode wrongly, in part, or with far more memory than the picture needs."""
    tags, width, height = image.tag_v2, image.tag_v2[_WIDTH], image.tag_v2[_HEIGHT]
    raw, planes = image.info["compression"] == "raw", tags.get(_PLANAR, 1) == 2
    if any(each != 1 for each in tags.get(_SAMPLE_FORMAT, (1,))):
        raise UnsupportedImageError(NO_WHITE)
    if planes and max(tags.get(_BITS, (1,))) > 8:
        raise UnsupportedImageError("This TIFF keeps its colours in separate 16-bit planes. Save it as an ordinary RGB TIFF or as PNG.")
    if raw and tags.get(_PHOTOMETRIC) == 6 and tags.get(_SUBSAMPLING) != (1, 1):
        raise UnsupportedImageError("This TIFF keeps its colours at half resolution without compression. Save it as an RGB TIFF or as PNG.")
    require_pixels((tags.get(_TILE_WIDTH, 1), tags.get(_TILE_HEIGHT, 1)))
    extents = [tile.extents for tile in image.tile if tile.extents]
    covered = sum((right - left) * (bottom - top) for left, top, right, bottom in extents)
    if covered != width * height * (len(image.getbands()) if raw and planes else 1):
        raise damaged()


def _tiff_reaches_past(data: bytes) -> bool:
    """Whether strips or tiles lie past the end of the file."""
    try:
        with Image.open(io.BytesIO(data), formats=["TIFF"]) as image:
            tags = image.tag_v2 if isinstance(image, TiffImagePlugin.TiffImageFile) else {}
            offsets, counts = tags.get(_OFFSETS) or tags[_TILE_OFFSETS], tags.get(_COUNTS) or tags[_TILE_COUNTS]
            return any(offset + count > len(data) for offset, count in zip(offsets, counts, strict=False))
    except Exception:  # noqa: BLE001 - not even the tags can be read.
        return False


def _flat(image: Image.Image, notices: list[str]) -> Image.Image:
    """RGB without transparency."""
    if image.mode == "CMYK":
        notices.append("CMYK colours were turned into RGB without a colour profile.")
    if not image.has_transparency_data:
        return image if image.mode == "RGB" else image.convert("RGB")
    whole = image if image.mode == "RGBA" else (image.convert("LA") if image.mode == "La" else image).convert("RGBA")
    opacity = whole.getchannel("A")
    least, most = opacity.getextrema()
    if least == 255:
        return whole.convert("RGB")
    if most == 0:
        # Some programs write 32-bit BMP and TIFF with an opacity that they never set.
        notices.append("The file calls the whole picture transparent; this was ignored.")
        return whole.convert("RGB")
    white = Image.new("RGB", whole.size, (255, 255, 255))
    white.paste(whole.convert("RGB"), mask=opacity)
    notices.append("Transparent parts were put on white.")
    return white
