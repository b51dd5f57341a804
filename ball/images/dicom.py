"""Pixels from DICOM files, and nothing else: no tag that names a person, a place or a date is ever read.

The header is looked through in its first mebibyte, for the tags that describe the pixels alone; the pixels are cut out of
the file by them. A frame is handed on as a DICOM file of its own with those tags only. What the decoders of pydicom
(numpy for RLE, Pillow for JPEG and JPEG 2000) would be given is measured first.
"""

from __future__ import annotations

import io
import logging
import struct
import warnings
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, get_frame
from pydicom.pixels.processing import apply_color_lut
from pydicom.pixels.utils import pixel_array

from ball.images.decoding import Decoded
from ball.images.errors import ImageTooLargeError, UnsupportedImageError, damaged, require_pixels, truncated
from ball.images.headers import require_jpeg

if TYPE_CHECKING:
    from pydicom.uid import UID

# What pydicom says of a file may quote it.
logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)
warnings.filterwarnings("ignore", module="pydicom")

MAX_FRAMES: Final = 500
"""Most frames of one file."""

_HEADER: Final = 2**20
_MAX_FRAGMENTS: Final = 10_000
_DEFLATED: Final = b"1.2.840.10008.1.2.1.99"
_NATIVE: Final = frozenset({"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"})
_RLE: Final = "1.2.840.10008.1.2.5"
_JPEG: Final = frozenset({"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"})
_JPEG_2000: Final = frozenset({"1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91"})
_COLOURS: Final = frozenset({"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_RCT", "YBR_ICT"})
_GREYS: Final = frozenset({"MONOCHROME1", "MONOCHROME2"})
_PALETTE: Final = "PALETTE COLOR"
_MAX_SLOW: Final = {"RLE": 5_000_000, "JPEG 2000": 4_000_000}
"""Largest picture, in pixels, of the kinds that are slow to decode."""

_TAGS: Final = [
    "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "NumberOfFrames", "Rows", "Columns", "BitsAllocated",
    "BitsStored", "HighBit", "PixelRepresentation",
    *(f"{colour}PaletteColorLookupTable{what}" for colour in ("Red", "Green", "Blue") for what in ("Descriptor", "Data")),
]  # fmt: skip


@dataclass(frozen=True)
class _Pixels:
    """The tags that describe the pixels, how the file is written, and the bytes from the first pixel on."""

    tags: Dataset
    syntax: UID
    value: bytes

    @property
    def native(self) -> bool:
        return self.syntax in _NATIVE

    @property
    def frames(self) -> int:
        return int(self.tags.get("NumberOfFrames") or 1)

    def frame_bytes(self) -> int:
        """Bytes of a frame that is not compressed."""
        samples = 2 if self.tags.PhotometricInterpretation == "YBR_FULL_422" else self.tags.SamplesPerPixel
        return int(self.tags.Rows * self.tags.Columns * samples * self.tags.BitsAllocated // 8)

    def frame(self, index: int) -> bytes:
        """The bytes of one frame as they are stored."""
        if not self.native:
            return get_frame(self.value, index, number_of_frames=self.frames)
        size = self.frame_bytes()
        if (index + 1) * size > len(self.value):
            raise truncated()
        return self.value[index * size : (index + 1) * size]


def frames(data: bytes) -> int:
    """How many frames a DICOM file has.

    Raises:
        ImageError: it holds no picture, or one that cannot be read; nothing is decoded yet.
        Exception: anything, from a damaged file; `ball.files.fields_in` says it in a sentence.
    """
    return _pixels(data).frames


def frame(data: bytes, index: int) -> bytes:
    """One frame, from 0, as a DICOM file that holds nothing but its pixels.

    Raises:
        ImageError: it is not there.
        Exception: as `frames`.
    """
    found = _pixels(data)
    stream = io.BytesIO()
    _single(found, found.frame(index)).save_as(stream, enforce_file_format=False)
    return stream.getvalue()


def decode_dicom(data: bytes) -> Decoded:
    """The first frame of a DICOM file as RGB.

    Grey, palette and YBR pictures become RGB. Samples of more than 8 bits keep the upper 8 of the bits stored.

    Raises:
        ImageError: no picture, or of a kind that is not read.
        Exception: as `frames`; `ball.images.decoding` says it in a sentence.
    """
    found = _pixels(data)
    stored = found.frame(0)
    _require_inside(found, stored)
    samples = np.asarray(pixel_array(_single(found, stored)))
    notices = ["Only the pixels of this DICOM file were read, no name and no date."]
    if found.frames > 1:
        notices.append("This file holds several pictures; only the first was read.")
    rgb = _eight_bits(_coloured(samples, found.tags), found.tags, notices)
    return Decoded(rgb, "DICOM", (rgb.shape[1], rgb.shape[0]), tuple(notices))


def _pixels(data: bytes) -> _Pixels:
    head = io.BytesIO(data[:_HEADER])
    if _DEFLATED in head.getvalue():
        raise UnsupportedImageError("This DICOM file is compressed as a whole. Export the picture without compression, or as PNG.")
    # Whatever else the file says is passed over unread.
    tags = pydicom.dcmread(head, stop_before_pixels=True, specific_tags=_TAGS)
    syntax = tags.file_meta.TransferSyntaxUID
    if syntax not in _NATIVE | _JPEG | _JPEG_2000 | {_RLE}:
        raise UnsupportedImageError("This DICOM file is compressed in a way that is not read here. Export the picture as PNG or TIFF.")
    value = _value(data, head.tell(), tags.original_encoding)
    _require_described(tags)
    if not tags.original_encoding[1] and syntax in _NATIVE and tags.BitsAllocated == 16:
        value = _swapped(value)
    found = _Pixels(tags, syntax, value)
    if not found.native:
        _require_few_fragments(value)
    return found


def _value(data: bytes, place: int, encoding: tuple[bool | None, bool | None]) -> bytes:
    """What follows the head of the element with the pixels, which the reading of tags stopped before."""
    implicit, little = encoding
    order = "<" if little else ">"
    if data[place : place + 4] != struct.pack(order + "HH", 0x7FE0, 0x0010):
        if place >= _HEADER:
            raise ImageTooLargeError("This DICOM file says more about its picture than can be looked through. Export the picture as PNG.")
        raise UnsupportedImageError("This DICOM file holds no picture, or the end of it is missing.")
    start = place + (8 if implicit else 12)
    if start > len(data):
        raise truncated()
    length = struct.unpack_from(order + "I", data, start - 4)[0]
    return data[start:] if length == 0xFFFFFFFF else data[start : start + length]


def _swapped(value: bytes) -> bytes:
    return np.frombuffer(value[: len(value) // 2 * 2], ">u2").astype("<u2").tobytes()


def _require_described(tags: Dataset) -> None:
    """Refuse what the tags say cannot be read, or is too large."""
    for each in ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated", "PhotometricInterpretation"):
        if not tags.get(each):
            raise UnsupportedImageError("This DICOM file holds no picture, or does not say how large it is.")
    require_pixels((int(tags.Columns), int(tags.Rows)))
    if not 1 <= int(tags.get("NumberOfFrames") or 1) <= MAX_FRAMES:
        raise ImageTooLargeError(f"This DICOM file has more than {MAX_FRAMES} frames. Export the fields as single pictures.")
    kind, samples = str(tags.PhotometricInterpretation), int(tags.SamplesPerPixel)
    if (kind, samples) not in {*((each, 3) for each in _COLOURS), *((each, 1) for each in _GREYS | {_PALETTE})}:
        raise UnsupportedImageError("The colours of this DICOM picture are of an unusual kind. Export the picture as PNG or TIFF.")
    bits = int(tags.BitsAllocated)
    if bits not in (8, 16) or tags.get("PixelRepresentation") == 1 or not 8 <= int(tags.get("BitsStored") or bits) <= bits:
        raise UnsupportedImageError("The samples of this DICOM picture are neither 8 nor 16 bits. Export the picture as PNG or TIFF.")


def _require_few_fragments(value: bytes) -> None:
    place = 0
    for _ in range(_MAX_FRAGMENTS):
        if place + 8 > len(value):
            raise truncated()
        tag, length = struct.unpack_from("<II", value, place)
        if tag == 0xE0DDFFFE:
            return
        place += 8 + length
    raise damaged()


def _require_inside(found: _Pixels, stored: bytes) -> None:
    """Check what a decoder would be given: that the picture inside has the size that the tags say, and is not too large."""
    size = (int(found.tags.Columns), int(found.tags.Rows))
    if found.syntax == _RLE:
        require_pixels(size, _MAX_SLOW["RLE"], "RLE")
    elif not found.native:
        jpeg = found.syntax in _JPEG
        if jpeg:
            require_jpeg(stored)
        else:
            require_pixels(size, _MAX_SLOW["JPEG 2000"], "JPEG 2000")
        with Image.open(io.BytesIO(stored), formats=["JPEG" if jpeg else "JPEG2000"]) as inside:
            if inside.size != size:
                raise damaged()


def _single(found: _Pixels, stored: bytes) -> Any:
    """A data set of one frame: the tags of the pixels, and these."""
    single = Dataset()
    for element in found.tags:
        if element.keyword in _TAGS:
            single[element.tag] = copy(element)  # Setting a tag changes the element that is there.
    single.NumberOfFrames = 1
    single.file_meta = FileMetaDataset()
    # Samples of a file of the other byte order were turned, so what is written is in the usual one.
    single.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian if found.native else found.syntax
    single.preamble = bytes(128)
    single.PixelData = (stored + bytes(len(stored) % 2)) if found.native else encapsulate([stored])
    single["PixelData"].VR = "OB" if int(found.tags.BitsAllocated) == 8 else "OW"
    single["PixelData"].is_undefined_length = not found.native
    return single


def _coloured(samples: NDArray[Any], tags: Dataset) -> NDArray[Any]:
    """(H, W, 3) samples, of whatever depth."""
    if tags.PhotometricInterpretation == _PALETTE:
        return np.asarray(apply_color_lut(samples, tags))
    if samples.ndim == 3:
        return samples
    return np.repeat(samples[:, :, None], 3, axis=2)


def _eight_bits(samples: NDArray[Any], tags: Dataset, notices: list[str]) -> NDArray[np.uint8]:
    """The upper 8 of the bits that are used, white where white should be."""
    bits = int(tags.get("BitsStored") or tags.BitsAllocated)
    if tags.PhotometricInterpretation == _PALETTE:
        bits = 16 if samples.dtype == np.uint16 else 8
    if samples.dtype not in (np.uint8, np.uint16):
        raise damaged()
    if samples.dtype == np.uint16:
        notices.append(f"{bits}-bit samples were brought to 8 bits.")
    eight: NDArray[np.uint8] = np.clip(samples >> (bits - 8), 0, 255).astype(np.uint8)
    return np.invert(eight) if tags.PhotometricInterpretation == "MONOCHROME1" else eight
