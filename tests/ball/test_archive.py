"""ZIP archives: which members are fields, what they are called, and what is refused before it is unpacked."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ball import archive
from ball.files import fields_in
from ball.images import ImageError, decode
from benchmarks.samples import dicom, picture, saved, tiff_pages, zipped
from tests.sentences import assert_plain

PNG = saved(picture(), "PNG")


def names(members: dict[str, bytes]) -> list[str]:
    return [part.name for part in fields_in(zipped(members), "b.zip")]


def test_every_picture_is_a_field() -> None:
    parts = fields_in(zipped({"1.png": PNG, "2.jpg": saved(picture(2), "JPEG")}), "b.zip")
    assert [(part.name, part.file) for part in parts] == [("b.zip, 1.png", "b.zip"), ("b.zip, 2.jpg", "b.zip")]
    np.testing.assert_array_equal(decode(parts[0].content()).rgb, picture())
    assert parts[0].content() == PNG


def test_what_lies_beside_fields_is_passed_over() -> None:
    beside = {"notes.txt": b"x", "a/.hidden.png": PNG, "__MACOSX/._1.png": PNG, "t.CSV": b"x", "folder/": b""}
    assert names({**beside, "1.png": PNG}) == ["b.zip, 1.png"]


@pytest.mark.parametrize(
    "path", ["../../etc/1.png", "/etc/1.png", "C:\\Windows\\1.png", "a/../../1.png", "\\\\server\\1.png", "~/1.png"]
)
def test_no_path_is_followed_or_shown(path: str) -> None:
    assert names({path: PNG}) == ["b.zip, 1.png"]


def test_members_of_one_name_are_told_apart() -> None:
    assert names({"s1/1.png": PNG, "s2/1.png": PNG, "s3/1.png": PNG}) == ["b.zip, 1.png", "b.zip, 1.png (2)", "b.zip, 1.png (3)"]


def test_pages_and_frames_within_an_archive_are_fields_too() -> None:
    several = zipped({"1.tif": tiff_pages([picture(1), picture(2)]), "2.dcm": dicom([picture(3), picture(4)]), "3.png": PNG})
    parts = fields_in(several, "b.zip")
    assert [part.name for part in parts] == [
        "b.zip, 1.tif, page 1", "b.zip, 1.tif, page 2", "b.zip, 2.dcm, frame 1", "b.zip, 2.dcm, frame 2", "b.zip, 3.png",
    ]  # fmt: skip
    for part, seed in zip(parts, (1, 2, 3, 4, 1), strict=True):
        np.testing.assert_array_equal(decode(part.content()).rgb, picture(seed))


def patched(data: bytes, before: bytes, layout: str, place: int, value: int) -> bytes:
    """A number of every record that begins with ``before`` changed."""
    changed, at = bytearray(data), data.find(before)
    while at >= 0:
        struct.pack_into(layout, changed, at + place, value)
        at = data.find(before, at + 1)
    return bytes(changed)


def locked(data: bytes) -> bytes:
    return patched(patched(data, b"PK\x03\x04", "<H", 6, 1), b"PK\x01\x02", "<H", 8, 1)


def lying(size: int, count: int = 1) -> bytes:
    return patched(zipped({f"{index}.png": PNG for index in range(count)}, zipfile.ZIP_STORED), b"PK\x01\x02", "<I", 24, size)


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "an archive in the archive": (lambda: zipped({"inner.zip": zipped({"1.png": PNG})}), "archive.*Unpack it"),
    "another kind of archive in it": (lambda: zipped({"inner.7z": b"7z\xbc\xaf\x27\x1c" + bytes(99)}), "archive.*Unpack it"),
    "a bomb": (lambda: zipped({"1.png": bytes(2**24)}), "more than 100 times"),
    "a password": (lambda: locked(zipped({"1.png": PNG})), "password"),
    "an unusual packing": (lambda: zipped({"1.png": PNG}, zipfile.ZIP_LZMA), "unusual way"),
    "a large file": (lambda: lying(65 * 2**20), "at most 64"),
    "a file that is not as large as it says": (lambda: lying(len(PNG) + 5), "damaged|cut short"),
    "a file larger than it says": (lambda: lying(100), "damaged"),
    "too much in all": (lambda: lying(60 * 2**20, 5), "256 MiB"),
    "too many files": (lambda: zipped({f"{index}.png": b"x" for index in range(1001)}), "1001 files"),
    "no picture": (lambda: zipped({"notes.txt": b"x"}), "no picture"),
    "nothing": (lambda: zipped({}), "no picture"),
    "its end missing": (lambda: zipped({"1.png": PNG})[:-30], "cut short"),
    "a directory out of the file": (lambda: patched(zipped({"1.png": PNG}), b"PK\x05\x06", "<I", 16, 2**31), "damaged"),
    "a directory too long to look through": (lambda: patched(zipped({"1.png": PNG}), b"PK\x05\x06", "<I", 12, 2**24), "lists 1 files"),
    "several disks": (lambda: patched(zipped({"1.png": PNG}), b"PK\x05\x06", "<H", 4, 2), "split"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_with_a_sentence(name: str) -> None:
    make, words = REFUSED[name]
    (part,) = fields_in(make(), "b.zip")
    with pytest.raises(ImageError, match=words) as caught:
        decode(part.content())
    assert_plain(caught.value)


def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = zipped({"1.png": bytes(2**24)})
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *_, **__: pytest.fail("it was unpacked"))
    (part,) = fields_in(bomb, "b.zip")
    with pytest.raises(ImageError, match="not unpacked"):
        part.content()


def test_one_bad_member_costs_no_other() -> None:
    parts = fields_in(zipped({"bad.png": PNG[:200], "bomb.png": bytes(2**24), "good.png": PNG}), "b.zip")
    np.testing.assert_array_equal(decode(parts[2].content()).rgb, picture())


def test_nothing_is_written_to_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    for part in fields_in(zipped({"../x/1.png": PNG, "2.tif": tiff_pages([picture(1), picture(2)])}), "b.zip"):
        decode(part.content())
    assert not list(tmp_path.iterdir())


def test_a_comment_that_looks_like_an_end_does_no_harm() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as made:
        made.writestr("1.png", PNG)
        made.comment = b"PK\x05\x06 and some text that is long enough to be taken for a record"
    for part in fields_in(stream.getvalue(), "b.zip"):
        with pytest.raises(ImageError) as caught:
            part.content()
        assert_plain(caught.value)


@settings(derandomize=True, deadline=None, max_examples=50)
@given(draw=st.data())
def test_flipped_bits_give_fields_or_a_sentence(draw: st.DataObject) -> None:
    data = bytearray(zipped({"1.png": PNG[:300], "2.tif": tiff_pages([picture()[:9, :9]] * 2)}))
    places = st.integers(0, 60) | st.integers(len(data) - 160, len(data) - 1) | st.integers(0, len(data) - 1)
    for place, bit in draw.draw(st.lists(st.tuples(places, st.integers(0, 7)), max_size=8)):
        data[place] ^= 1 << bit
    parts = fields_in(bytes(data), "b.zip")
    assert 0 < len(parts) <= archive.MAX_MEMBERS
    for part in parts:
        try:
            decode(part.content())
        except ImageError as error:
            assert_plain(error)
