"""One small drawn picture in every kind of file that is accepted: what the tests and `benchmarks/fuzz.py` begin with."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
    SecondaryCaptureImageStorage,
)

from ball import synthetic

PERSON: Final = "Testperson^Thea"
"""Who the DICOM samples name, so that a test can look for the name where it must not be."""


def picture(seed: int = 1) -> NDArray[np.uint8]:
    """A drawn field, (96, 128, 3)."""
    return synthetic.draw(seed, (96, 128))


def saved(rgb: NDArray[Any], kind: str, mode: str | None = None, **options: Any) -> bytes:
    """A picture written by Pillow."""
    image, stream = Image.fromarray(rgb), io.BytesIO()
    (image.convert(mode) if mode else image).save(stream, kind, **options)
    return stream.getvalue()


def tiff_pages(pictures: Sequence[NDArray[Any]], **options: Any) -> bytes:
    """A TIFF with one page a picture."""
    return saved(pictures[0], "TIFF", save_all=True, append_images=[Image.fromarray(each) for each in pictures[1:]], **options)


def zipped(members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A ZIP archive of files by their names."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def dicom(frames: Sequence[NDArray[Any]], syntax: UID = ExplicitVRLittleEndian, kind: str = "RGB", **tags: Any) -> bytes:
    """A DICOM file of grey (H, W) or colour (H, W, 3) frames, uint8 or uint16, that names `PERSON`; ``tags`` are put over the usual."""
    found = _described(np.stack(frames), kind, tags)
    found.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian if syntax.is_compressed else syntax
    samples = np.stack(frames)
    order: Literal[">", "<"] = ">" if syntax == ExplicitVRBigEndian else "<"
    found.PixelData = samples.astype(samples.dtype.newbyteorder(order)).tobytes()
    found["PixelData"].VR = "OB" if samples.dtype == np.uint8 else "OW"
    if syntax == RLELossless:
        found.compress(RLELossless, generate_instance_uid=False)
    elif syntax.is_compressed:
        options: dict[str, Any] = {"no_jp2": True} if syntax == JPEG2000Lossless else {"quality": 95, "subsampling": 0}
        written = [saved(frame, "JPEG2000" if syntax == JPEG2000Lossless else "JPEG", **options) for frame in frames]
        found.PixelData = encapsulate(written)
        found["PixelData"].is_undefined_length = True
        found.file_meta.TransferSyntaxUID = syntax
    stream = io.BytesIO()
    found.save_as(stream, enforce_file_format=False)
    return stream.getvalue()


def _described(samples: NDArray[Any], kind: str, tags: dict[str, Any]) -> Any:
    found = Dataset()
    found.file_meta, found.preamble = FileMetaDataset(), bytes(128)
    found.PatientName, found.PatientID, found.InstitutionName = PERSON, "4711", "A hospital"
    found.SOPClassUID, found.SOPInstanceUID = SecondaryCaptureImageStorage, UID("1.2.3")
    found.NumberOfFrames, found.Rows, found.Columns = samples.shape[:3]
    found.SamplesPerPixel = 3 if samples.ndim == 4 else 1
    found.PhotometricInterpretation = kind
    if samples.ndim == 4:
        found.PlanarConfiguration = 0
    found.BitsAllocated = found.BitsStored = samples.dtype.itemsize * 8
    found.HighBit, found.PixelRepresentation = found.BitsStored - 1, 0
    for tag, value in tags.items():
        setattr(found, tag, value)
    return found


def _deep(suffix: str, shift: int) -> bytes:
    bgr = picture()[:, :, ::-1].astype(np.uint16) << shift
    return bytes(cv2.imencode(suffix, np.ascontiguousarray(bgr))[1].tobytes())


SAMPLES: Final[dict[str, Callable[[], bytes]]] = {
    "JPEG": lambda: saved(picture(), "JPEG", quality=90),
    "JPEG progressive": lambda: saved(picture(), "JPEG", progressive=True),
    "JPEG CMYK": lambda: saved(picture(), "JPEG", "CMYK"),
    "PNG": lambda: saved(picture(), "PNG"),
    "PNG palette": lambda: saved(picture(), "PNG", "P"),
    "PNG 16-bit": lambda: _deep(".png", 8),
    "PNG 16-bit, dark": lambda: _deep(".png", 4),
    "TIFF": lambda: saved(picture(), "TIFF"),
    "TIFF LZW": lambda: saved(picture(), "TIFF", compression="tiff_lzw"),
    "TIFF JPEG": lambda: saved(picture(), "TIFF", compression="jpeg"),
    "TIFF deflate": lambda: saved(picture(), "TIFF", compression="tiff_adobe_deflate"),
    "TIFF 16-bit": lambda: _deep(".tiff", 4),
    "TIFF pages": lambda: tiff_pages([picture(1), picture(2), picture(3)]),
    "TIFF pages, BigTIFF": lambda: tiff_pages([picture(1), picture(2)], big_tiff=True, compression="tiff_lzw"),
    "BMP": lambda: saved(picture(), "BMP"),
    "WebP": lambda: saved(picture(), "WEBP"),
    "WebP lossless": lambda: saved(picture(), "WEBP", lossless=True),
    "DICOM": lambda: dicom([picture()]),
    "DICOM frames": lambda: dicom([picture(1), picture(2)], ImplicitVRLittleEndian),
    "DICOM big-endian, grey": lambda: dicom([picture()[:, :, 0].astype(np.uint16) << 4], ExplicitVRBigEndian, "MONOCHROME2", BitsStored=12),
    "DICOM RLE": lambda: dicom([picture()], RLELossless),
    "DICOM JPEG": lambda: dicom([picture(1), picture(2)], JPEGBaseline8Bit, "YBR_FULL_422"),
    "DICOM JPEG 2000": lambda: dicom([picture()], JPEG2000Lossless),
    "ZIP": lambda: zipped({"a/1.jpg": saved(picture(1), "JPEG"), "b/1.png": saved(picture(2), "PNG"), "notes.txt": b"passed over"}),
    "ZIP of pages": lambda: zipped({"1.tif": tiff_pages([picture(1), picture(2)]), "2.dcm": dicom([picture(3)])}),
    "ZIP stored": lambda: zipped({"1.webp": saved(picture(), "WEBP")}, zipfile.ZIP_STORED),
}
"""Every accepted kind of file by its name; each makes the same bytes every time."""
