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

from __future__ import annotations

import io
import re
import struct
import zlib
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

# The five decoders are imported by name so that Pillow finds them without loading its forty others on first use.
from PIL import BmpImagePlugin, Image, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin
from PIL.ImageFile import ImageFile

from ball.values import require_rgb

MAX_BYTES: Final = 64 * 2**20
"""Largest file read, in bytes."""

MAX_PIXELS: Final = 25_000_000
"""Largest picture decoded, width times height: the camera of any microscope, within 500 MB whatever the format."""

_DECODERS: Final = {
    "JPEG": JpegImagePlugin.JpegImageFile.format,
    "PNG": PngImagePlugin.PngImageFile.format,
    "TIFF": TiffImagePlugin.TiffImageFile.format,
    "BMP": BmpImagePlugin.BmpImageFile.format,
    "WebP": WebPImagePlugin.WebPImageFile.format,
}
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
_NO_WHITE: Final = (
    "The samples of this picture are 32-bit or signed numbers, so its black and white are not known. "
    "Save it as an 8-bit or 16-bit picture."
)
_PNG_BANDS: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_ADAM7: Final = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""First column, first row, step across and step down of the passes of an interlaced PNG."""

_MAX_DEEP: Final = 16_000_000
"""Largest picture, in pixels, whose 16-bit colours are decoded twice."""

_MAX_SCANS: Final = 100
_BAND: Final = 256
"""Rows of a deep picture that are worked on at a time."""

_DEPTHS: Final = (8, 10, 12, 14, 16)
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
    name = _format_of(data)
    try:
        if name == "DICOM":
            from ball.dicom import decode_dicom  # pydicom is loaded for the rare file that needs it.

            return decode_dicom(data)
        _check_header(data, name)
        return _decode(data, name)
    except ImageError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageTooLargeError(f"The picture has more than {MAX_PIXELS // 10**6} million pixels. Crop or shrink it.") from error
    except MemoryError as error:
        raise ImageTooLargeError("There is too little memory to decode this picture. Crop or shrink it.") from error
    except Exception as error:  # Decoders raise nearly anything on damaged bytes: struct.error, KeyError, zlib.error...
        raise _damage(error, data, name) from error


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


def kind_of(data: bytes) -> str | None:
    """Name of the accepted format by the first bytes; None where they are of none."""
    return next((name for name, magic in _MAGIC if magic.match(data)), None)


def _format_of(data: bytes) -> str:
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


def truncated() -> TruncatedImageError:
    """The error for a file whose end is missing."""
    return TruncatedImageError("The picture is cut short: the end of the file is missing. Copy it again from where it came.")


def damaged() -> DamagedImageError:
    """The error for a file that its decoder refuses."""
    return DamagedImageError(
        "The picture could not be decoded: the file is damaged or of an unusual kind. "
        "Copy it again from where it came, or open it in another program and save it as PNG."
    )


def _damage(error: Exception, data: bytes, name: str) -> DamagedImageError:
    """The error for bytes that a decoder refused: cut short where that can be told, else damaged."""
    said = str(error).lower()
    short = any(word in said for word in ("truncated", "incomplete", "not enough")) or (name == "TIFF" and _tiff_reaches_past(data))
    return truncated() if short else damaged()


def _check_header(data: bytes, name: str) -> None:
    """Refuse on the header and the outline of the file alone; what this lets through, the decoder still checks."""
    if name == "PNG":
        _check_png(data)
    elif name == "JPEG":
        require_jpeg(data)
    elif name == "WebP":
        _check_webp(data)
    elif name == "TIFF":
        _check_directory(data)


def _check_png(data: bytes) -> None:
    """Check size, chunk checksums, the end mark, and that every row is there; Pillow checks none of the last three."""
    if len(data) < 33:
        raise truncated()
    width, height, bits, colour, _, _, interlaced = struct.unpack_from(">IIBBBBB", data, 16)
    require_pixels((width, height))
    view, position, kind = memoryview(data), 8, b""
    pixels = []
    while kind != b"IEND":
        if position + 12 > len(data):
            raise truncated()
        length, kind = struct.unpack_from(">I4s", data, position)
        end = position + 12 + length
        if end > len(data):
            raise truncated()
        critical = not kind[0] & 0x20
        if critical and zlib.crc32(view[position + 4 : end - 4]) != struct.unpack_from(">I", data, end - 4)[0]:
            raise damaged()
        if kind == b"IDAT":
            pixels.append(view[position + 8 : end - 4])
        position = end
    passes = _ADAM7 if interlaced else ((0, 0, 1, 1),)
    sizes = [(-((left - width) // across), -((top - height) // down)) for left, top, across, down in passes]
    rows = sum(rows * (1 + (columns * bits * _PNG_BANDS.get(colour, 1) + 7) // 8) for columns, rows in sizes if columns > 0 < rows)
    _require_inflated(pixels, rows)


def _require_inflated(parts: list[memoryview], expected: int) -> None:
    """Check that a zlib stream holds the bytes expected; a mebibyte is unpacked at a time, and nothing beyond them."""
    stream, count = zlib.decompressobj(), 0
    for part in parts:
        rest: bytes | memoryview = part
        while rest and count < expected and not stream.eof:
            count += len(stream.decompress(rest, 2**20))
            rest = stream.unconsumed_tail
    if count < expected:
        raise truncated()


def require_jpeg(data: bytes) -> None:
    """Check that the end mark follows the scans, and that there are not thousands of these: each costs a whole pass.

    A file that a broken copy filled up with zeros decodes without an error, but has no end mark.
    """
    scan = _first_scan(data)
    end = data.find(b"\xff\xd9", scan)
    if end < 0:
        raise truncated()
    if data.count(b"\xff\xda", scan, end) > _MAX_SCANS:
        raise damaged()


def _first_scan(data: bytes) -> int:
    """Where the first scan begins, found by walking the segments before it: the thumbnail in one has an end mark too."""
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF and data[position + 1] != 0xDA:
        # Bytes of 0xFF may fill up the space before a marker.
        filled = data[position + 1] == 0xFF
        position += 1 if filled else 2 + int(struct.unpack_from(">H", data, position + 2)[0])
    return min(position, len(data))


def _check_webp(data: bytes) -> None:
    """Check length and size, since the decoder takes memory for the canvas as soon as it is made."""
    if len(data) < 30 or struct.unpack_from("<I", data, 4)[0] + 8 > len(data):
        raise truncated()
    kind = data[12:16]
    if kind == b"VP8X":
        require_pixels((1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")))
    elif kind == b"VP8L":
        packed = int.from_bytes(data[21:25], "little")
        require_pixels(((packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1))
    elif kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        require_pixels((width & 0x3FFF, height & 0x3FFF))


def _check_directory(data: bytes) -> None:
    """Check that the list of tags of a TIFF is whole: Pillow goes on with the tags it could read."""
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"\x2b\x00", b"\x00\x2b")
    start, counted, entry, link = (8, "Q", 20, 8) if big else (4, "H", 12, 4)
    try:
        offset = struct.unpack_from(order + ("Q" if big else "I"), data, start)[0]
        tags = struct.unpack_from(order + counted, data, min(offset, len(data)))[0]
    except struct.error as error:
        raise truncated() from error
    if offset + struct.calcsize(counted) + tags * entry + link > len(data):
        raise truncated()


def _decode(data: bytes, name: str) -> Decoded:
    with Image.open(io.BytesIO(data), formats=[_DECODERS[name]]) as image:
        require_pixels(image.size)
        notices = ["This file holds several pictures; only the first was read."] if getattr(image, "is_animated", False) else []
        tiff = isinstance(image, TiffImagePlugin.TiffImageFile)
        orientation, stored = _load_tiff(image) if isinstance(image, TiffImagePlugin.TiffImageFile) else _load(image, notices)
        upright = _flat(_eight_bits(image, data, notices), notices)
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
        raise UnsupportedImageError(_NO_WHITE)
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


def _eight_bits(image: Image.Image, data: bytes, notices: list[str]) -> Image.Image:
    """The picture with 8 bits a sample; turned like ``image``. See the module's text for the rule."""
    if image.mode in ("I", "F"):
        raise UnsupportedImageError(_NO_WHITE)
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
