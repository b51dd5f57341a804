"""Files on disk: what is taken for a field, in which order, and what is said of a file that cannot be had."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ball import images
from ball.files import exists, find_files, is_field, is_file, is_folder, natural_key, read_bytes
from ball.images import ImageError, ImageTooLargeError, UnreadableFileError
from tests.sentences import assert_plain

SETTINGS = settings(derandomize=True, deadline=None, max_examples=60)


def test_read_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"abc")
    assert read_bytes(tmp_path / "a.png") == b"abc"
    (tmp_path / "empty.png").touch()
    assert read_bytes(tmp_path / "empty.png") == b""


def large(folder: Path) -> Path:
    with (folder / "large.tif").open("wb") as file:
        file.truncate(images.MAX_BYTES + 1)
    return folder / "large.tif"


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe.png")
    return folder / "pipe.png"


def loop(folder: Path) -> Path:
    (folder / "loop.png").symlink_to(folder / "loop.png")
    return folder / "loop.png"


@pytest.mark.parametrize(
    ("make", "expected", "words"),
    [
        (lambda folder: folder / "missing.png", UnreadableFileError, "no such file"),
        (lambda folder: folder / "n\0ul.png", UnreadableFileError, "could not be read"),
        (lambda folder: folder / ("n" * 300), UnreadableFileError, "could not be read"),
        (lambda folder: folder, UnreadableFileError, "folder"),
        (large, ImageTooLargeError, "at most 64"),
        (pipe, UnreadableFileError, "ordinary file"),
        (loop, UnreadableFileError, "could not be read"),
    ],
)
def test_read_bytes_refuses(tmp_path: Path, make: Callable[[Path], Path], expected: type[ImageError], words: str) -> None:
    with pytest.raises(expected, match=words) as caught:
        read_bytes(make(tmp_path))
    assert_plain(caught.value)
    assert str(tmp_path) not in str(caught.value)


def test_read_bytes_without_the_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.png").touch()

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied", str(tmp_path))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(UnreadableFileError, match="may not be opened"):
        read_bytes(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.jpg", True), ("a", True), ("a.dat", True), ("a.csv.png", True), ("Früh 1.TIF", True),
        (".a.jpg", False), ("a.txt", False), ("a.CSV", False), ("a.Xml", False), ("a.json", False), (".csv", False),
    ],
)  # fmt: skip
def test_is_field(tmp_path: Path, name: str, expected: bool) -> None:
    (tmp_path / name).touch()
    assert is_field(tmp_path / name) is expected
    assert not is_field(tmp_path / "missing.png")
    assert not is_field(tmp_path)


@pytest.mark.parametrize(
    "ordered",
    [
        ["1", "2", "10", "100"],
        ["WBC-Malignant-Early-001.jpg", "WBC-Malignant-Early-002.jpg", "WBC-Malignant-Early-010.jpg"],
        ["a1b2", "a1b10", "a2b1"],
        ["A1", "a2", "A10"],
        ["", "1", "a"],
        ["7", "9" * 5000, "1" + "0" * 5000],
        ["x1", "x²", "x٣"],
    ],
)
def test_natural_order(ordered: list[str]) -> None:
    shuffled = ordered[::-1]
    assert sorted(shuffled, key=natural_key) == ordered


NAMES = st.text(st.sampled_from("aAb019.-²٣éß "), max_size=8) | st.text(max_size=8)


@SETTINGS
@given(first=NAMES, second=NAMES, third=NAMES)
def test_natural_order_is_total(first: str, second: str, third: str) -> None:
    one, two, three = natural_key(first), natural_key(second), natural_key(third)
    assert (one == two) == (first == second)
    assert (one < two) + (two < one) + (one == two) == 1
    assert not (one <= two and two <= three) or one <= three


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("10.jpg", "2.jpg", "1.PNG", "notes.txt", "t.CSV", "v.xml", "r.json", ".hidden.jpg", "b/3.jpg", "a2/x", "a10/y.bmp"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "z.jpg").touch()
    (tmp_path / "again").symlink_to(tmp_path)
    (tmp_path / "dead.jpg").symlink_to(tmp_path / "gone")
    os.mkfifo(tmp_path / "pipe.jpg")
    return tmp_path


def test_find_files_walks_in_natural_order(folder: Path) -> None:
    found = [path.relative_to(folder).as_posix() for path in find_files([folder])]
    assert found == ["1.PNG", "2.jpg", "10.jpg", "a2/x", "a10/y.bmp", "b/3.jpg", "dead.jpg"]


def test_find_files_keeps_what_is_named(folder: Path) -> None:
    named = [folder / "notes.txt", folder / ".hidden.jpg", folder / "gone.png", folder / "2.jpg", folder / "2.jpg"]
    assert find_files(named) == named
    assert find_files([folder / "b", folder / "b" / "3.jpg"]) == [folder / "b" / "3.jpg"] * 2
    assert find_files([folder / ".git"]) == [folder / ".git" / "z.jpg"]
    assert find_files([]) == []


def test_find_files_takes_relative_folders(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert find_files([Path("b"), Path("./a2")]) == [Path("b/3.jpg"), Path("a2/x")]
    assert Path("2.jpg") in find_files([Path()])


def test_a_folder_that_may_not_be_listed_is_not_lost(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listing = os.scandir

    def scandir(path: str) -> object:
        if os.path.basename(path) == "b":  # noqa: PTH119
            raise PermissionError(13, "Permission denied", path)
        return listing(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert folder / "b" in find_files([folder])


def test_a_path_that_cannot_be_looked_at_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.png").touch()
    assert (exists(tmp_path), is_folder(tmp_path), is_file(tmp_path)) == (True, True, False)
    assert (exists(tmp_path / "a.png"), is_folder(tmp_path / "a.png"), is_file(tmp_path / "a.png")) == (True, False, True)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    for path in (tmp_path / "gone", tmp_path / ("n" * 300), tmp_path / "n\0ul", tmp_path / "a.png" / "b"):
        assert (exists(path), is_folder(path), is_file(path)) == (False, False, False)
    monkeypatch.setattr(Path, "stat", refuse)
    assert (exists(tmp_path), is_folder(tmp_path), is_file(tmp_path / "a.png")) == (False, False, False)
    assert find_files([tmp_path]) == [tmp_path]
