"""The pages of a TIFF: each a file of its own with the same pixels and without what else the file says."""

from __future__ import annotations

import io
import struct
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ball.files import fields_in
from ball.images import DamagedImageError, ImageError, ImageTooLargeError, TruncatedImageError, decode, tiff
from benchmarks import fuzz
from benchmarks.samples import picture, tiff_pages
from tests.sentences import assert_plain

PICTURES = [picture(1), picture(2), picture(3)[:50, :60]]


def pages_of(data: bytes) -> list[np.ndarray]:
    return [decode(tiff.page(data, offset)).rgb for offset in tiff.pages(data)]


@pytest.mark.parametrize("options", [{}, {"compression": "tiff_lzw"}, {"compression": "tiff_adobe_deflate"}, {"compression": "packbits"}])
@pytest.mark.parametrize("big", [False, True])
def test_every_page_has_its_own_pixels(options: dict[str, Any], big: bool) -> None:
    found = pages_of(tiff_pages(PICTURES, big_tiff=big, **options))
    assert len(found) == len(PICTURES)
    for one, other in zip(found, PICTURES, strict=True):
        np.testing.assert_array_equal(one, other)


def test_jpeg_pages_with_shared_tables_are_what_pillow_sees() -> None:
    data = tiff_pages(PICTURES, compression="jpeg")
    with Image.open(io.BytesIO(data)) as image:
        for index, found in enumerate(pages_of(data)):
            image.seek(index)
            np.testing.assert_array_equal(found, np.asarray(image.convert("RGB")))


def test_grey_deep_and_turned_pages_keep_their_notices() -> None:
    deep = picture(1)[:, :, 0].astype(np.uint16) << 4
    first, second = (decode(part.content()) for part in fields_in(tiff_pages([deep, picture(2)]), "a.tif"))
    np.testing.assert_array_equal(first.rgb[:, :, 0], picture(1)[:, :, 0])
    assert "12 bits were taken" in first.notices[0]
    assert second.notices == ()


def test_a_page_carries_no_words_of_its_file() -> None:
    data = tiff_pages(PICTURES, description="Doe, Jane", software="a scanner")
    assert b"Doe, Jane" in data
    for offset in tiff.pages(data):
        assert b"Doe" not in tiff.page(data, offset)
        assert b"scanner" not in tiff.page(data, offset)


def with_subfile_type(data: bytes, values: list[int]) -> bytes:
    """The tag 256 (width) of each page after the first is 4 bytes wide; the kind of page is put before it, at the file's end."""
    changed = bytearray(data)
    pointer = 4
    for value in values:
        (start,) = struct.unpack_from("<I", changed, pointer)
        (count,) = struct.unpack_from("<H", changed, start)
        entries = bytes(changed[start + 2 : start + 2 + 12 * count])
        following = bytes(changed[start + 2 + 12 * count : start + 6 + 12 * count])
        struct.pack_into("<I", changed, pointer, len(changed))
        pointer = len(changed) + 2 + 12 * (count + 1)
        changed += struct.pack("<HHHII", count + 1, 254, 4, 1, value) + entries + following
    return bytes(changed)


def test_smaller_copies_and_masks_are_no_pages() -> None:
    data = with_subfile_type(tiff_pages(PICTURES), [0, 1, 4])
    (offset,) = tiff.pages(data)
    np.testing.assert_array_equal(decode(tiff.page(data, offset)).rgb, PICTURES[0])
    assert [part.name for part in fields_in(data, "a.tif")] == ["a.tif"]


def relinked(data: bytes, target: int) -> bytes:
    """The last directory of a chain of two points to ``target``."""
    first = struct.unpack_from("<I", data, 4)[0]
    second = struct.unpack_from("<I", data, first + 2 + 12 * struct.unpack_from("<H", data, first)[0])[0]
    place = second + 2 + 12 * struct.unpack_from("<H", data, second)[0]
    return data[:place] + struct.pack("<I", target) + data[place + 4 :]


@pytest.mark.parametrize(("target", "expected"), [(8, DamagedImageError), (2**31, TruncatedImageError)])
def test_a_chain_in_a_circle_or_out_of_the_file_is_refused(target: int, expected: type[ImageError]) -> None:
    data = tiff_pages(PICTURES[:2])
    first = struct.unpack_from("<I", data, 4)[0]
    (part,) = fields_in(relinked(data, first if target == 8 else target), "a.tif")
    with pytest.raises(expected) as caught:
        part.content()
    assert_plain(caught.value)


def test_too_many_pages_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiff, "MAX_PAGES", 2)
    with pytest.raises(ImageTooLargeError, match="more than 2 pages") as caught:
        tiff.pages(tiff_pages(PICTURES))
    assert_plain(caught.value)


def test_strips_that_overlap_cannot_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiff, "MAX_BYTES", 1000)
    data = tiff_pages(PICTURES)
    with pytest.raises(ImageTooLargeError, match="A page of this TIFF") as caught:
        tiff.page(data, tiff.pages(data)[0])
    assert_plain(caught.value)


@pytest.mark.parametrize("name", [name for name in fuzz.HOSTILE if name.startswith("crowd, TIFF")])
def test_tags_that_share_a_value_cannot_fill_the_memory(name: str) -> None:
    data = fuzz.HOSTILE[name]()
    first, second = tiff.pages(data)
    tracemalloc.start()
    with pytest.raises(DamagedImageError) as caught:
        tiff.page(data, first)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert_plain(caught.value)
    assert peak < 3 * len(data)
    assert second > first


def test_of_a_tag_that_comes_again_the_first_counts() -> None:
    data = fuzz.crowd([256, 257] * 400, 2**13)
    assert [decode(tiff.page(data, offset)).size for offset in tiff.pages(data)] == [(8, 8)] * 2


@settings(derandomize=True, deadline=None, max_examples=60)
@given(draw=st.data(), big=st.booleans())
def test_flipped_bits_give_pages_or_a_sentence(draw: st.DataObject, big: bool) -> None:
    data = bytearray(tiff_pages(PICTURES[2:] * 3, big_tiff=big))
    places = st.integers(0, 31) | st.integers(0, len(data) - 1)
    for place, bit in draw.draw(st.lists(st.tuples(places, st.integers(0, 7)), max_size=8)):
        data[place] ^= 1 << bit
    parts = fields_in(bytes(data), "a.tif")
    assert parts
    for part in parts:
        try:
            decode(part.content())
        except ImageError as error:
            assert_plain(error)
