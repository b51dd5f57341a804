"""The one way in: what every kind of file gives, and that nothing but an `ImageError` comes out of a bad one."""

from __future__ import annotations

import functools
import io
import struct
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageOps

from ball import images
from ball.images import (
    DamagedImageError,
    Decoded,
    EmptyImageError,
    ImageError,
    ImageTooLargeError,
    TruncatedImageError,
    UnknownFormatError,
    UnsupportedImageError,
    decode,
    depth,
    errors,
)
from tests.sentences import assert_plain

SETTINGS = settings(derandomize=True, deadline=None, max_examples=60)
FEWER = settings(SETTINGS, max_examples=40)
ONE_SECOND = 1.0

# Pillow warns of every tag that a mutation broke.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")


def picture(height: int = 24, width: int = 31) -> np.ndarray:
    """A smear in small: smooth ground with a rough patch, (H, W, 3) uint8."""
    y, x = np.mgrid[:height, :width]
    rgb = np.stack([x * 7, y * 9, (x + y) * 4], axis=-1).astype(np.uint8)
    rgb[5:15, 5:15] = np.random.default_rng(0).integers(0, 256, (10, 10, 3))
    return rgb


RGB = picture()
GREY = RGB[:, :, 0]
DEEP = np.random.default_rng(1).integers(0, 65536, RGB.shape, dtype=np.uint16)
OPAQUE = np.where(RGB[:, :, 1:2] > 100, 255, 0).astype(np.uint8)
RGBA = np.concatenate([RGB, OPAQUE], axis=2)
ON_WHITE = np.where(OPAQUE > 0, RGB, 255).astype(np.uint8)


def saved(source: np.ndarray | Image.Image, kind: str, mode: str | None = None, **options: object) -> bytes:
    image = source if isinstance(source, Image.Image) else Image.fromarray(source)
    buffer = io.BytesIO()
    (image.convert(mode) if mode else image).save(buffer, kind, **options)
    return buffer.getvalue()


def by_opencv(rgb: np.ndarray, suffix: str) -> bytes:
    """Written by OpenCV, which knows 16-bit colours: (H, W), (H, W, 3) or (H, W, 4)."""
    order = [2, 1, 0, 3][: rgb.shape[2]] if rgb.ndim == 3 else slice(None)
    return bytes(cv2.imencode(suffix, np.ascontiguousarray(rgb[..., order]))[1])


def grey3(grey: np.ndarray) -> np.ndarray:
    return np.repeat(np.asarray(grey, dtype=np.uint8)[:, :, None], 3, axis=2)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(size: tuple[int, int], depth: int, colour: int, rows: bytes, extra: bytes = b"", interlaced: bool = False) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, interlaced))
    return b"\x89PNG\r\n\x1a\n" + header + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def interlaced_rows(grey: np.ndarray) -> bytes:
    """The rows of an Adam7 PNG, each after the filter byte 0."""
    starts = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    passes = [grey[top::down, left::across] for left, top, across, down in starts]
    return b"".join(b"\0" + row.tobytes() for part in passes for row in part if row.size)


def tiff(samples: np.ndarray, tags: dict[int, object] | None = None, order: str = "<") -> bytes:
    """An uncompressed TIFF of one strip, any dtype, with ``tags`` put over the usual ones."""
    height, width = samples.shape[:2]
    bands = samples.shape[2] if samples.ndim == 3 else 1
    body = samples.astype(samples.dtype.newbyteorder(order)).tobytes()
    usual = {256: width, 257: height, 258: (samples.dtype.itemsize * 8,) * bands, 259: 1, 262: 2 if bands > 1 else 1}
    usual |= {273: 8, 277: bands, 278: height, 279: len(body)}
    entries = sorted((usual | (tags or {})).items())
    start, outside, directory = 8 + len(body), b"", struct.pack(order + "H", len(entries))
    for tag, value in entries:
        values = value if isinstance(value, tuple) else (value,)
        kind, letter = (3, "H") if max(values) < 2**16 else (4, "I")
        packed = struct.pack(f"{order}{len(values)}{letter}", *values)
        if len(packed) > 4:
            packed, outside = struct.pack(order + "I", start + 6 + 12 * len(entries) + len(outside)), outside + packed
        directory += struct.pack(order + "HHI", tag, kind, len(values)) + packed.ljust(4, b"\0")
    head = (b"II\x2a\x00" if order == "<" else b"MM\x00\x2a") + struct.pack(order + "I", start)
    return head + body + directory + bytes(4) + outside


def bmp_with_opacity(rgba: np.ndarray) -> bytes:
    """A 32-bit BMP with a mask for opacity: header of version 4, rows from the bottom up."""
    height, width = rgba.shape[:2]
    body = np.ascontiguousarray(rgba[::-1, :, [2, 1, 0, 3]]).tobytes()
    masks = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    header = struct.pack("<IiiHHIIiiII", 108, width, height, 1, 32, 3, len(body), 0, 0, 0, 0) + masks + bytes(52)
    return b"BM" + struct.pack("<IHHI", 122 + len(body), 0, 0, 122) + header + body


def exif(orientation: int) -> Image.Exif:
    made = Image.Exif()
    made[274] = orientation
    return made


TRANSPARENT_PALETTE = Image.fromarray(GREY).convert("P")


LOSSLESS: dict[str, tuple[Callable[[], bytes], np.ndarray]] = {
    "PNG rgb": (lambda: saved(RGB, "PNG"), RGB),
    "PNG grey": (lambda: saved(GREY, "PNG"), grey3(GREY)),
    "PNG interlaced": (lambda: png((31, 24), 8, 0, interlaced_rows(GREY), interlaced=True), grey3(GREY)),
    "PNG interlaced, 1 x 1": (lambda: png((1, 1), 8, 0, interlaced_rows(GREY[:1, :1]), interlaced=True), grey3(GREY[:1, :1])),
    "PNG interlaced, 3 x 2": (lambda: png((3, 2), 8, 0, interlaced_rows(GREY[:2, :3]), interlaced=True), grey3(GREY[:2, :3])),
    "PNG 1 bit": (lambda: saved(Image.fromarray(GREY > 99), "PNG"), grey3((GREY > 99) * 255)),
    "PNG 2 bits": (lambda: png((4, 1), 2, 0, b"\x00\x1b"), grey3(np.array([[0, 85, 170, 255]]))),
    "PNG palette": (lambda: saved(Image.fromarray(GREY).convert("P"), "PNG"), grey3(GREY)),
    "PNG palette, one transparent": (
        lambda: saved(TRANSPARENT_PALETTE, "PNG", transparency=int(GREY[0, 1])),
        grey3(np.where(GREY[0, 1] == GREY, 255, GREY)),
    ),
    "PNG palette, opacity a colour": (
        lambda: saved(TRANSPARENT_PALETTE, "PNG", transparency=bytes(255 if i % 2 else 0 for i in range(256))),
        grey3(np.where(GREY % 2 == 0, 255, GREY)),
    ),
    "PNG colour key": (
        lambda: saved(RGB, "PNG", transparency=tuple(int(each) for each in RGB[3, 4])),
        np.where((RGB[3, 4] == RGB).all(axis=2, keepdims=True), 255, RGB),
    ),
    "PNG rgba": (lambda: saved(RGBA, "PNG"), ON_WHITE),
    "PNG grey and alpha": (lambda: saved(RGBA[:, :, [0, 3]], "PNG"), grey3(ON_WHITE[:, :, 0])),
    "PNG wholly transparent": (lambda: saved(np.dstack([RGB, OPAQUE * 0]), "PNG"), RGB),
    "PNG 16-bit grey": (lambda: by_opencv(DEEP[:, :, 0], ".png"), grey3(DEEP[:, :, 0] >> 8)),
    "PNG 12 of 16 bits, grey": (lambda: by_opencv(DEEP[:, :, 0] >> 4, ".png"), grey3(DEEP[:, :, 0] >> 8)),
    "PNG 16-bit rgb": (lambda: by_opencv(DEEP, ".png"), (DEEP >> 8).astype(np.uint8)),
    "PNG 12 of 16 bits, rgb": (lambda: by_opencv(DEEP >> 4, ".png"), (DEEP >> 8).astype(np.uint8)),
    "PNG 8 of 16 bits, rgb": (lambda: by_opencv(RGB.astype(np.uint16), ".png"), RGB),
    "PNG 16-bit rgba": (lambda: by_opencv(np.dstack([DEEP, OPAQUE * np.uint16(257)]), ".png"), np.where(OPAQUE > 0, DEEP >> 8, 255)),
    "PNG 12 of 16 bits, rgba": (
        lambda: by_opencv(np.dstack([DEEP >> 4, OPAQUE * np.uint16(257)]), ".png"),
        np.where(OPAQUE > 0, DEEP >> 8, 255),
    ),
    "PNG 16-bit grey and alpha": (lambda: png((2, 1), 16, 4, b"\x00\x80\x00\xff\xff\xff\x00\x00\x00"), grey3(np.array([[128, 255]]))),
    "PNG 16-bit grey, colour key": (
        lambda: png((2, 1), 16, 0, b"\x00\x80\x00\xff\x00", chunk(b"tRNS", b"\x80\x00")),
        grey3(np.array([[128, 255]])),
    ),
    "PNG several": (lambda: saved(RGB, "PNG", save_all=True, append_images=[Image.fromarray(RGB[::-1])]), RGB),
    "BMP rgb": (lambda: saved(RGB, "BMP"), RGB),
    "BMP grey": (lambda: saved(GREY, "BMP"), grey3(GREY)),
    "BMP 1 bit": (lambda: saved(Image.fromarray(GREY > 99), "BMP"), grey3((GREY > 99) * 255)),
    "BMP rgba": (lambda: bmp_with_opacity(RGBA), ON_WHITE),
    "BMP, opacity never set": (lambda: bmp_with_opacity(np.dstack([RGB, OPAQUE * 0])), RGB),
    "TIFF rgb": (lambda: saved(RGB, "TIFF"), RGB),
    "TIFF rgb, LZW": (lambda: saved(RGB, "TIFF", compression="tiff_lzw"), RGB),
    "TIFF rgb, deflate": (lambda: saved(RGB, "TIFF", compression="tiff_adobe_deflate"), RGB),
    "TIFF rgb, PackBits": (lambda: saved(RGB, "TIFF", compression="packbits"), RGB),
    "TIFF by OpenCV": (lambda: by_opencv(RGB, ".tiff"), RGB),
    "TIFF big-endian": (lambda: tiff(RGB, order=">"), RGB),
    "TIFF BigTIFF": (lambda: saved(RGB, "TIFF", big_tiff=True), RGB),
    "TIFF planes": (lambda: tiff(RGB.transpose(2, 0, 1).reshape(RGB.shape), plane_tags(RGB)), RGB),
    "TIFF grey": (lambda: saved(GREY, "TIFF"), grey3(GREY)),
    "TIFF grey, white is 0": (lambda: tiff(GREY, {262: 0}), grey3(255 - GREY)),
    "TIFF 1 bit": (lambda: saved(Image.fromarray(GREY > 99), "TIFF", compression="group4"), grey3((GREY > 99) * 255)),
    "TIFF palette": (lambda: saved(Image.fromarray(GREY).convert("P"), "TIFF"), grey3(GREY)),
    "TIFF rgba": (lambda: saved(RGBA, "TIFF"), ON_WHITE),
    "TIFF rgba, premultiplied": (lambda: tiff(np.dstack([RGB * (OPAQUE // 255), OPAQUE]), {338: 1}), ON_WHITE),
    "TIFF grey and premultiplied alpha": (
        lambda: tiff(np.dstack([GREY * (OPAQUE[:, :, 0] // 255), OPAQUE[:, :, 0]]), {262: 1, 338: 1}),
        grey3(ON_WHITE[:, :, 0]),
    ),
    "TIFF 16-bit grey": (lambda: tiff(DEEP[:, :, 0]), grey3(DEEP[:, :, 0] >> 8)),
    "TIFF 16-bit grey, big-endian": (lambda: tiff(DEEP[:, :, 0], order=">"), grey3(DEEP[:, :, 0] >> 8)),
    "TIFF 16-bit grey, white is 0": (lambda: tiff(DEEP[:, :, 0], {262: 0}), grey3(255 - (DEEP[:, :, 0] >> 8))),
    "TIFF 14 of 16 bits, grey": (lambda: tiff(DEEP[:, :, 0] >> 2), grey3(DEEP[:, :, 0] >> 8)),
    "TIFF 16-bit rgb": (lambda: tiff(DEEP), (DEEP >> 8).astype(np.uint8)),
    "TIFF 16-bit rgb, big-endian": (lambda: tiff(DEEP, order=">"), (DEEP >> 8).astype(np.uint8)),
    "TIFF 12 of 16 bits, rgb": (lambda: tiff(DEEP >> 4), (DEEP >> 8).astype(np.uint8)),
    "TIFF 10 of 16 bits, rgb, LZW": (lambda: by_opencv(DEEP >> 6, ".tiff"), (DEEP >> 8).astype(np.uint8)),
    "TIFF several": (lambda: saved(RGB, "TIFF", save_all=True, append_images=[Image.fromarray(RGB[::-1])]), RGB),
    "WebP rgb": (lambda: saved(RGB, "WEBP", lossless=True), RGB),
    "WebP rgba": (lambda: saved(RGBA, "WEBP", lossless=True), ON_WHITE),
    "WebP several": (lambda: saved(RGB, "WEBP", lossless=True, save_all=True, append_images=[Image.fromarray(RGB[::-1])]), RGB),
    "1 x 1": (lambda: saved(RGB[:1, :1], "PNG"), RGB[:1, :1]),
    "all white": (lambda: saved(np.full_like(RGB, 255), "PNG"), np.full_like(RGB, 255)),
    "all black, 16-bit": (lambda: by_opencv(DEEP * 0, ".png"), RGB * 0),
}


def plane_tags(rgb: np.ndarray) -> dict[int, object]:
    plane = rgb.shape[0] * rgb.shape[1]
    return {284: 2, 273: tuple(8 + band * plane for band in range(3)), 279: (plane,) * 3}


@functools.cache
def lossless(name: str) -> bytes:
    return LOSSLESS[name][0]()


@pytest.mark.parametrize("name", LOSSLESS)
def test_every_kind_gives_its_samples(name: str) -> None:
    decoded = decode(lossless(name))
    assert decoded.format in {"PNG", "BMP", "TIFF", "WebP"}
    assert decoded.rgb.dtype == np.uint8
    assert decoded.rgb.flags.c_contiguous
    assert decoded.size == decoded.rgb.shape[1::-1]
    np.testing.assert_array_equal(decoded.rgb, LOSSLESS[name][1])


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("RGB", {}),
        ("RGB", {"progressive": True}),
        ("RGB", {"subsampling": 0, "quality": 95}),
        ("RGB", {"icc_profile": b"x" * 99}),
        ("L", {}),
    ],
)
def test_jpeg_is_what_training_saw(mode: str, options: dict[str, object]) -> None:
    data = saved(RGB, "JPEG", mode, **options)
    decoded = decode(data)
    np.testing.assert_array_equal(decoded.rgb, np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))
    assert (decoded.format, decoded.size, decoded.notices) == ("JPEG", (31, 24), ())


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_becomes_rgb(kind: str) -> None:
    flat = np.broadcast_to(np.array([200, 40, 90], np.uint8), (16, 16, 3))
    decoded = decode(saved(np.ascontiguousarray(flat), kind, "CMYK"))
    assert np.abs(decoded.rgb.astype(int) - flat).max() <= 4
    assert decoded.notices == ("CMYK colours were turned into RGB without a colour profile.",)


def test_lossy_webp_is_near() -> None:
    assert np.abs(decode(saved(RGB // 8 * 0 + 90, "WEBP")).rgb.astype(int) - 90).max() <= 3


@pytest.mark.parametrize(
    ("name", "notices"),
    [
        ("PNG rgb", ()),
        ("PNG rgba", ("Transparent parts were put on white.",)),
        ("PNG wholly transparent", ("The file calls the whole picture transparent; this was ignored.",)),
        ("PNG 16-bit grey", ("16-bit grey was brought to 8 bits.",)),
        ("PNG 16-bit rgb", ("16-bit colour was brought to 8 bits.",)),
        (
            "TIFF 12 of 16 bits, rgb",
            ("16-bit colour was brought to 8 bits. Its samples use 12 of their 16 bits, so 12 bits were taken as the full range.",),
        ),
        ("TIFF several", ("This file holds several pictures; only the first was read.",)),
        ("WebP several", ("This file holds several pictures; only the first was read.",)),
        ("PNG several", ("This file holds several pictures; only the first was read.",)),
        (
            "PNG 16-bit grey, colour key",
            ("The one colour that the file calls transparent was left as it is.", "16-bit grey was brought to 8 bits."),
        ),
    ],
)
def test_notices_say_what_was_done(name: str, notices: tuple[str, ...]) -> None:
    assert decode(lossless(name)).notices == notices


def test_half_transparent_is_mixed_with_white() -> None:
    half = np.dstack([RGB * 0, np.full_like(OPAQUE, 128)])
    assert np.abs(decode(saved(half, "PNG")).rgb.astype(int) - 127).max() <= 1


UPRIGHT: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: a[::-1].transpose(1, 0, 2),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: a[:, ::-1].transpose(1, 0, 2),
}


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize(("kind", "options"), [("JPEG", {}), ("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {})])
def test_orientation_is_applied(kind: str, options: dict[str, object], orientation: int) -> None:
    decoded = decode(saved(RGB, kind, exif=exif(orientation), **options))
    stored = decode(saved(RGB, kind, **options)).rgb
    np.testing.assert_array_equal(decoded.rgb, UPRIGHT[orientation](stored))
    assert decoded.size == (31, 24)
    assert decoded.rgb.flags.c_contiguous
    assert decoded.notices == (() if orientation == 1 else ("The picture was turned as its EXIF orientation says.",))


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_orientation_agrees_with_pillow(orientation: int) -> None:
    data = saved(RGB, "JPEG", exif=exif(orientation))
    np.testing.assert_array_equal(decode(data).rgb, np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data)))))


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("shift", [0, 4])
def test_deep_grey_tiff_is_turned_too(orientation: int, shift: int) -> None:
    decoded = decode(tiff(DEEP[:, :, 0] >> shift, {274: orientation}))
    np.testing.assert_array_equal(decoded.rgb, UPRIGHT[orientation](grey3(DEEP[:, :, 0] >> 8)))


def test_damaged_exif_leaves_the_pixels() -> None:
    decoded = decode(saved(RGB, "PNG", exif=b"Exif\x00\x00MM\x00\x2a\xff\xff\xff\xff"))
    np.testing.assert_array_equal(decoded.rgb, RGB)


def jpeg_filled_with_zeros() -> bytes:
    data = saved(RGB, "JPEG")
    return data[:-60] + bytes(60)


def png_with_a_wrong_byte() -> bytes:
    data = bytearray(lossless("PNG rgb"))
    data[data.index(b"IDAT") + 20] ^= 1
    return bytes(data)


def webp_canvas(width: int, height: int) -> bytes:
    body = b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"RIFF" + struct.pack("<I", len(body)) + body


def jpeg_of_many_scans() -> bytes:
    data = saved(RGB, "JPEG", progressive=True)
    scan, end = data.rindex(b"\xff\xda"), data.rindex(b"\xff\xd9")
    return data[:scan] + data[scan:end] * 200 + data[end:]


BAD: dict[str, tuple[Callable[[], bytes], type[ImageError], str]] = {
    "nothing": (lambda: b"", EmptyImageError, "empty"),
    "text": (lambda: b"Dear colleague, please find the smear enclosed.\n" * 9, UnknownFormatError, "JPEG, PNG, TIFF, BMP, WebP and DICOM"),
    "text that begins like BMP": (lambda: b"BMI 22, no fever, spleen not felt.", UnknownFormatError, "JPEG, PNG"),
    "GIF": (lambda: saved(RGB, "GIF"), UnknownFormatError, "GIF.*JPEG, PNG, TIFF, BMP, WebP and DICOM"),
    "PDF": (lambda: b"%PDF-1.7\n" + bytes(99), UnknownFormatError, "PDF"),
    "HEIC": (lambda: b"\x00\x00\x00\x18ftypheic" + bytes(99), UnknownFormatError, "HEIC"),
    "zip": (lambda: b"PK\x03\x04" + bytes(99), UnknownFormatError, "archive.*Unpack it"),
    "gzip": (lambda: b"\x1f\x8b\x08" + bytes(99), UnknownFormatError, "archive"),
    "PNG header alone": (lambda: b"\x89PNG\r\n\x1a\n", TruncatedImageError, "cut short"),
    "three bytes of PNG": (lambda: b"\x89PN", TruncatedImageError, "cut short"),
    "PNG with a wrong byte": (png_with_a_wrong_byte, DamagedImageError, "damaged"),
    "PNG without its palette": (lambda: png((2, 1), 8, 3, b"\x00\x00\x01"), DamagedImageError, "damaged"),
    "PNG with too few rows": (lambda: png((2, 9), 8, 0, b"\x00\x00\x01"), TruncatedImageError, "cut short"),
    "PNG interlaced with a row too few": (
        lambda: png((31, 24), 8, 0, interlaced_rows(GREY)[:-32], interlaced=True),
        TruncatedImageError,
        "cut short",
    ),
    "PNG of no width": (lambda: png((0, 9), 8, 0, b""), DamagedImageError, "damaged"),
    "PNG 30,000 x 30,000": (lambda: png((30_000, 30_000), 8, 2, bytes(99)), ImageTooLargeError, "30000 x 30000 pixels, 900 million"),
    "PNG just too large": (lambda: png((10_000, 2_501), 8, 2, bytes(99)), ImageTooLargeError, "at most 25 million"),
    "WebP 16,000 x 16,000": (lambda: webp_canvas(16_000, 16_000), ImageTooLargeError, "16000 x 16000"),
    "BMP 30,000 x 30,000": (lambda: retouched(saved(RGB, "BMP"), 18, "<ii", 30_000, 30_000), ImageTooLargeError, "million"),
    "JPEG 60,000 x 60,000": (lambda: jpeg_declaring(60_000, 60_000), ImageTooLargeError, "million"),
    "TIFF 30,000 x 30,000": (lambda: tiff(RGB, {256: 30_000, 257: 30_000}), ImageTooLargeError, "million"),
    "JPEG filled up with zeros": (jpeg_filled_with_zeros, TruncatedImageError, "cut short"),
    "JPEG of many scans": (jpeg_of_many_scans, DamagedImageError, "damaged"),
    "TIFF that says too high": (lambda: tiff(RGB, {257: 400}), DamagedImageError, "damaged|cut short"),
    "TIFF with rows missing": (lambda: tiff(RGB, {278: 5}), DamagedImageError, "damaged"),
    "TIFF of no rows a strip": (lambda: tiff(RGB, {278: 0}), DamagedImageError, "damaged"),
    "TIFF with huge tiles": (lambda: tiff(RGB, {322: 2**20, 323: 2**20}), ImageTooLargeError, "million"),
    "TIFF with its pixels past the end": (lambda: tiff(RGB, {273: 10**8}), DamagedImageError, "cut short"),
    "TIFF with its tags past the end": (lambda: b"II\x2a\x00" + struct.pack("<I", 10**8) + bytes(99), TruncatedImageError, "cut short"),
    "TIFF int8": (lambda: tiff(GREY, {339: 2}), UnsupportedImageError, "signed"),
    "TIFF int16": (lambda: tiff(DEEP[:, :, 0], {339: 2}), UnsupportedImageError, "signed"),
    "TIFF uint32": (lambda: tiff(DEEP[:, :, 0].astype(np.uint32)), UnsupportedImageError, "32-bit"),
    "TIFF float32": (lambda: tiff(GREY.astype(np.float32), {339: 3}), UnsupportedImageError, "32-bit"),
    "TIFF float32 colours": (lambda: tiff(RGB.astype(np.float32), {339: (3, 3, 3)}), DamagedImageError, "unusual"),
    "TIFF Lab": (lambda: tiff(RGB, {262: 8}), UnsupportedImageError, "Lab"),
    "TIFF 16-bit planes": (
        lambda: tiff(DEEP, {284: 2, 273: (8, 8 + 1488, 8 + 2976), 279: (1488,) * 3}),
        UnsupportedImageError,
        "planes",
    ),
    "TIFF YCbCr at half resolution": (lambda: tiff(RGB, {262: 6, 530: (2, 2)}), UnsupportedImageError, "half resolution"),
}


def retouched(data: bytes, position: int, layout: str, *values: int) -> bytes:
    return data[:position] + struct.pack(layout, *values) + data[position + struct.calcsize(layout) :]


def jpeg_declaring(width: int, height: int) -> bytes:
    data = saved(RGB, "JPEG")
    return retouched(data, data.index(b"\xff\xc0") + 5, ">HH", height, width)


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_with_a_sentence(name: str) -> None:
    make, expected, words = BAD[name]
    data = make()
    began = time.perf_counter()
    with pytest.raises(expected, match=words) as caught:
        decode(data)
    assert time.perf_counter() - began < ONE_SECOND
    assert_plain(caught.value)


def test_too_many_pixels_are_never_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("a decoder was asked"))
    with pytest.raises(ImageTooLargeError):
        decode(png((30_000, 30_000), 8, 2, bytes(99)))


def test_dark_deep_colours_have_a_limit_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(depth, "_MAX_DEEP", RGB.shape[0] * RGB.shape[1] - 1)
    decode(lossless("PNG 16-bit rgb"))
    with pytest.raises(ImageTooLargeError, match="8-bit picture") as caught:
        decode(lossless("PNG 12 of 16 bits, rgb"))
    assert_plain(caught.value)


def test_too_many_bytes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errors, "MAX_BYTES", 2**20)
    with pytest.raises(ImageTooLargeError, match="MiB"):
        decode(bytes(2**20 + 1))


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (MemoryError(), ImageTooLargeError),
        (Image.DecompressionBombError("x"), ImageTooLargeError),
        (Image.DecompressionBombWarning("x"), ImageTooLargeError),
        (struct.error("unpack requires"), DamagedImageError),
        (OverflowError("int too large"), DamagedImageError),
        (zlib.error("Error -3"), DamagedImageError),
        (SyntaxError("not a PNG file"), DamagedImageError),
        (OSError("image file is truncated (3 bytes not processed)"), TruncatedImageError),
    ],
)
def test_whatever_a_decoder_raises_is_translated(monkeypatch: pytest.MonkeyPatch, failure: Exception, expected: type[ImageError]) -> None:
    data = lossless("PNG rgb")

    def fail(*_: object, **__: object) -> None:
        raise failure

    monkeypatch.setattr(Image, "open", fail)
    with pytest.raises(expected) as caught:
        decode(data)
    assert_plain(caught.value)


WHOLE: dict[str, Callable[[], bytes]] = {
    "JPEG": lambda: saved(RGB, "JPEG", exif=exif(6)),
    "JPEG progressive": lambda: saved(RGB, "JPEG", progressive=True),
    "JPEG CMYK": lambda: saved(RGB, "JPEG", "CMYK"),
    "PNG": lambda: saved(RGB, "PNG", exif=exif(6)),
    "PNG palette": lambda: lossless("PNG palette, one transparent"),
    "PNG 16-bit": lambda: lossless("PNG 12 of 16 bits, rgb"),
    "PNG several": lambda: lossless("PNG several"),
    "TIFF": lambda: lossless("TIFF rgb"),
    "TIFF LZW": lambda: lossless("TIFF rgb, LZW"),
    "TIFF deflate": lambda: lossless("TIFF rgb, deflate"),
    "TIFF JPEG": lambda: saved(RGB, "TIFF", compression="jpeg"),
    "TIFF 16-bit": lambda: lossless("TIFF 12 of 16 bits, rgb"),
    "TIFF BigTIFF": lambda: lossless("TIFF BigTIFF"),
    "BMP": lambda: lossless("BMP rgb"),
    "BMP palette": lambda: saved(Image.fromarray(RGB).quantize(16), "BMP"),
    "WebP": lambda: saved(RGB, "WEBP"),
    "WebP lossless": lambda: lossless("WebP rgba"),
    "WebP several": lambda: lossless("WebP several"),
}


@functools.cache
def whole(name: str) -> bytes:
    return WHOLE[name]()


@pytest.mark.parametrize("name", WHOLE)
def test_a_file_cut_short_is_refused_wherever_it_is_cut(name: str) -> None:
    data = whole(name)
    for cut in sorted({len(data) * part // 12 for part in range(1, 12)} | {1, 2, 3, 8, 20, 30, 40}):
        # Before its header is whole, a TIFF may look damaged, and any file unknown.
        expected = ImageError if cut < 30 else DamagedImageError if name.startswith("TIFF") else TruncatedImageError
        with pytest.raises(expected) as caught:
            decode(data[:cut])
        assert_plain(caught.value)


@pytest.mark.parametrize("name", ["JPEG", "JPEG progressive", "JPEG CMYK", "PNG"])
def test_even_the_last_byte_is_missed(name: str) -> None:
    with pytest.raises(TruncatedImageError):
        decode(whole(name)[:-1])


def assert_decoded_or_refused(data: bytes) -> None:
    try:
        decoded = decode(data)
    except ImageError as error:
        assert_plain(error)
        return
    assert isinstance(decoded, Decoded)
    assert decoded.rgb.dtype == np.uint8
    assert decoded.rgb.flags.c_contiguous
    assert decoded.rgb.shape[2:] == (3,)
    assert sorted(decoded.size) == sorted(decoded.rgb.shape[:2])
    assert 0 < decoded.size[0] * decoded.size[1] <= images.MAX_PIXELS


@pytest.mark.parametrize("name", WHOLE)
@FEWER
@given(draw=st.data())
def test_bits_flipped_or_cut_never_give_anything_else(name: str, draw: st.DataObject) -> None:
    data = bytearray(whole(name))
    places = st.integers(0, len(data) - 1) | st.integers(0, min(len(data), 200) - 1)
    for place, bit in draw.draw(st.lists(st.tuples(places, st.integers(0, 7)), max_size=8)):
        data[place] ^= 1 << bit
    assert_decoded_or_refused(bytes(data[: draw.draw(st.just(len(data)) | st.integers(0, len(data)))]))


MAGICS = [b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II\x2a\x00", b"MM\x00\x2b", b"BM", b"RIFF\x20\x00\x00\x00WEBPVP8 "]


@SETTINGS
@given(magic=st.sampled_from(MAGICS), rest=st.binary(max_size=200))
def test_any_bytes_after_any_magic(magic: bytes, rest: bytes) -> None:
    assert_decoded_or_refused(magic + rest)


@pytest.mark.parametrize(
    ("kind", "options"),
    [("PNG", {}), ("BMP", {}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"}), ("WEBP", {"lossless": True})],
)
@SETTINGS
@given(rgb=st.tuples(st.integers(1, 20), st.integers(1, 20), st.just(3)).flatmap(lambda shape: arrays(np.uint8, shape)))
def test_lossless_formats_give_back_any_array(kind: str, options: dict[str, object], rgb: np.ndarray) -> None:
    np.testing.assert_array_equal(decode(saved(rgb, kind, **options)).rgb, rgb)


@SETTINGS
@given(
    deep=st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3)).flatmap(lambda shape: arrays(np.uint16, shape)),
    suffix=st.sampled_from([".png", ".tiff"]),
    shift=st.integers(0, 10),
)
def test_deep_colours_follow_the_rule(deep: np.ndarray, suffix: str, shift: int) -> None:
    deep = deep >> shift
    depth = next(each for each in (8, 10, 12, 14, 16) if deep.max() < 2**each)
    np.testing.assert_array_equal(decode(by_opencv(deep, suffix)).rgb, deep >> (depth - 8))


def test_threads_do_not_disturb_one_another() -> None:
    names = [*LOSSLESS] * 3
    with ThreadPoolExecutor(4) as pool:
        for name, decoded in zip(names, pool.map(lambda each: decode(lossless(each)), names), strict=True):
            np.testing.assert_array_equal(decoded.rgb, LOSSLESS[name][1])


def test_decoded_keeps_its_promise() -> None:
    turned = Decoded(RGB.transpose(1, 0, 2), "array", (24, 31))
    assert turned.rgb.flags.c_contiguous
    with pytest.raises(ValueError, match="uint8"):
        Decoded(DEEP, "array", (31, 24))  # type: ignore[arg-type]
