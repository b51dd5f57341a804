"""DICOM files: the pixels of every usual kind, and nothing else of them."""

from __future__ import annotations

import io
import logging
import re
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)

from ball.files import fields_in
from ball.images import ImageError, decode
from ball.images import dicom as room
from benchmarks.samples import PERSON, dicom, picture
from tests.sentences import assert_plain

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydicom")

RGB = picture()
GREY = np.ascontiguousarray(RGB[:, :, 0])
SYNTAXES = [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless, JPEG2000Lossless]


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.name)
def test_every_frame_has_its_own_pixels(syntax: UID) -> None:
    parts = fields_in(dicom([RGB, picture(2)], syntax), "a.dcm")
    assert [part.name for part in parts] == ["a.dcm, frame 1", "a.dcm, frame 2"]
    for part, expected in zip(parts, (RGB, picture(2)), strict=True):
        decoded = decode(part.content())
        np.testing.assert_array_equal(decoded.rgb, expected)
        assert (decoded.format, decoded.size) == ("DICOM", (128, 96))
        assert decoded.notices == ("Only the pixels of this DICOM file were read, no name and no date.",)


def test_jpeg_frames_are_near() -> None:
    (part,) = fields_in(dicom([RGB], JPEGBaseline8Bit, "YBR_FULL_422"), "a.dcm")
    assert np.abs(decode(part.content()).rgb.astype(int) - RGB).mean() < 4


KINDS: dict[str, tuple[Callable[[], bytes], np.ndarray]] = {
    "grey": (lambda: dicom([GREY], kind="MONOCHROME2"), GREY),
    "grey, white is 0": (lambda: dicom([GREY], kind="MONOCHROME1"), 255 - GREY),
    "12 of 16 bits": (lambda: dicom([GREY.astype(np.uint16) << 4], kind="MONOCHROME2", BitsStored=12, HighBit=11), GREY),
    "16 bits, big-endian": (lambda: dicom([GREY.astype(np.uint16) << 8], ExplicitVRBigEndian, "MONOCHROME2"), GREY),
    "16-bit colours": (lambda: dicom([RGB.astype(np.uint16) << 8]), RGB),
    "odd number of bytes": (lambda: dicom([GREY[:3, :3]], kind="MONOCHROME2"), GREY[:3, :3]),
    "planes": (lambda: dicom([np.ascontiguousarray(RGB.transpose(2, 0, 1)).reshape(RGB.shape)], PlanarConfiguration=1), RGB),
}


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_becomes_rgb(name: str) -> None:
    make, expected = KINDS[name]
    (part,) = fields_in(make(), "a.dcm")
    found = decode(part.content()).rgb
    np.testing.assert_array_equal(found, expected if expected.ndim == 3 else np.repeat(expected[:, :, None], 3, axis=2))


def test_a_palette_becomes_its_colours() -> None:
    table = {f"{name}PaletteColorLookupTableData": (np.arange(256, dtype=np.uint16) * step).tobytes()
             for name, step in (("Red", 257), ("Green", 128), ("Blue", 0))}  # fmt: skip
    described = {f"{name}PaletteColorLookupTableDescriptor": [256, 0, 16] for name in ("Red", "Green", "Blue")}
    (part,) = fields_in(dicom([GREY], kind="PALETTE COLOR", **table, **described), "a.dcm")
    found = decode(part.content()).rgb
    np.testing.assert_array_equal(found[:, :, 0], GREY)
    np.testing.assert_array_equal(found[:, :, 1], (GREY.astype(np.uint16) * 128) >> 8)
    assert not found[:, :, 2].any()


def test_the_first_frame_stands_for_a_file_that_is_read_as_one_picture() -> None:
    decoded = decode(dicom([RGB, picture(2)]))
    np.testing.assert_array_equal(decoded.rgb, RGB)
    assert "This file holds several pictures; only the first was read." in decoded.notices


# ---------------------------------------------------------------- names


def test_no_tag_of_a_person_is_handed_on() -> None:
    data = dicom([RGB, RGB], PatientBirthDate="19700101", ReferringPhysicianName="Doe^John", AccessionNumber="A-77")
    assert PERSON.encode() in data
    for part in fields_in(data, "a.dcm"):
        content = part.content()
        for word in (PERSON, "Testperson", "4711", "hospital", "19700101", "Doe", "A-77", "1.2.3"):
            assert word.encode() not in content
        kept = pydicom.dcmread(io.BytesIO(content), force=True)
        assert all(element.tag.group in (0x0028, 0x7FE0) for element in kept)


def test_the_same_pixels_give_the_same_bytes_whoever_is_named() -> None:
    first, second = (fields_in(dicom([RGB], PatientName=name), "a.dcm")[0].content() for name in ("Doe^Jane", "Roe^Richard"))
    assert first == second


def test_nothing_of_a_file_goes_to_the_log(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    from ball.engine import Engine
    from ball.reading import read
    from ball.weights import Store

    caplog.set_level(logging.DEBUG)
    engine = Engine(Store(tmp_path))
    broken = dicom([RGB], PatientBirthDate="not a date", Rows=95, BitsStored=3, PatientAge="Testperson")
    for part in [*fields_in(broken, "Testperson.dcm"), *fields_in(dicom([RGB])[:-5000], "Testperson.dcm")]:
        reason = read(part, engine=engine, maps=False).reason
        assert reason
        assert "networks" not in reason
    assert "Testperson" not in caplog.text
    assert "Testperson" not in "".join(capfd.readouterr())


# ---------------------------------------------------------------- what is refused


def huge_inside() -> bytes:
    data = dicom([RGB], JPEGBaseline8Bit, "YBR_FULL_422")
    place = data.index(b"\xff\xc0") + 5
    return data[:place] + struct.pack(">HH", 60_000, 60_000) + data[place + 4 :]


def long_header() -> bytes:
    return dicom([RGB], ImageComments="x" * 2**20)


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "a header alone": (lambda: bytes(128) + b"DICM" + bytes(99), "holds no picture|damaged|cut short"),
    "no pixels": (lambda: dicom([RGB])[:700], "no picture|cut short|damaged"),
    "too few pixels": (lambda: dicom([RGB])[:-5000], "cut short"),
    "too many pixels": (lambda: dicom([RGB], Rows=30_000, Columns=30_000), "million"),
    "too many pixels for JPEG 2000": (lambda: dicom([RGB], JPEG2000Lossless, Rows=3_000, Columns=3_000), "as JPEG 2000"),
    "too many frames": (lambda: dicom([RGB], NumberOfFrames=501), "500 frames"),
    "no frames": (lambda: dicom([RGB], NumberOfFrames=-1), "500 frames"),
    "another size inside": (huge_inside, "damaged|million"),
    "compressed as a whole": (
        lambda: dicom([RGB]).replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99\0", 1), "compressed as a whole",
    ),
    "JPEG-LS": (lambda: dicom([RGB], JPEGBaseline8Bit).replace(b".1.2.4.50", b".1.2.4.80", 1), "not read here"),
    "signed samples": (lambda: dicom([GREY], kind="MONOCHROME2", PixelRepresentation=1), "neither 8 nor 16"),
    "one bit": (lambda: dicom([GREY], kind="MONOCHROME2", BitsAllocated=1), "neither 8 nor 16"),
    "four samples": (lambda: dicom([RGB], kind="ARGB"), "unusual kind"),
    "an endless header": (long_header, "looked through|cut short|damaged|no picture"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_with_a_sentence(name: str) -> None:
    make, words = REFUSED[name]
    (part,) = fields_in(make(), "a.dcm")
    with pytest.raises(ImageError, match=words) as caught:
        decode(part.content())
    assert_plain(caught.value)


def test_thousands_of_fragments_are_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_MAX_FRAGMENTS", 2)
    (part,) = fields_in(dicom([RGB, RGB], JPEGBaseline8Bit, "YBR_FULL_422"), "a.dcm")
    with pytest.raises(ImageError, match="damaged"):
        part.content()


def test_the_room_asks_for_no_tag_of_a_person() -> None:
    assert not [tag for tag in room._TAGS if re.search("Patient|Name|Date|Time|Physician|Institution|UID|Comment", tag)]


@settings(derandomize=True, deadline=None, max_examples=80)
@given(draw=st.data(), syntax=st.sampled_from([*SYNTAXES, JPEGBaseline8Bit]))
def test_flipped_bits_give_frames_or_a_sentence(draw: st.DataObject, syntax: UID) -> None:
    data = bytearray(dicom([RGB[:20, :20], RGB[20:40, :20]], syntax))
    places = st.integers(128, 800) | st.integers(0, len(data) - 1)
    for place, bit in draw.draw(st.lists(st.tuples(places, st.integers(0, 7)), max_size=8)):
        data[place] ^= 1 << bit
    for part in fields_in(bytes(data), "a.dcm"):
        try:
            decode(part.content())
        except ImageError as error:
            assert_plain(error)
