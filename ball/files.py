"""Files: which of them are fields, in which order, their bytes, and the fields that one file holds.

`fields_in` is the one way in for every front end: whatever a file is, it gives the pictures in it, each as the bytes of a
file of one picture, made only when they are asked for.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from ball.images import MAX_BYTES, ImageError, UnreadableFileError, damaged, kind_of, require_bytes

PASSED_OVER: Final = frozenset({".txt", ".csv", ".xml", ".json"})
"""Suffixes, in lower case, of the files beside fields that are no picture."""


@dataclass(frozen=True)
class Part:
    """One field of a file.

    ``name`` is what to call it: the file's own name, or that with ``, page 2``, ``, frame 2`` or the name within an
    archive. ``file`` is the name of the file that it came in.
    """

    name: str
    file: str
    _make: Callable[[], bytes] = field(repr=False, compare=False)

    def content(self) -> bytes:
        """The bytes of a file that holds this one picture.

        Raises:
            ImageError: it cannot be had; says why.
        """
        try:
            return self._make()
        except ImageError:
            raise
        except Exception as error:  # What reads a container raises nearly anything on damaged bytes.
            raise damaged() from error


def fields_at(path: Path, name: str) -> list[Part]:
    """The fields of a file on disk, as `fields_in`; one that cannot be read is one part that says so."""
    try:
        return fields_in(read_bytes(path), name)
    except ImageError as error:
        return [Part(name, name, partial(_refuse, error))]


def fields_in(content: bytes, name: str) -> list[Part]:
    """The fields of a file: the pages of a TIFF, the frames of a DICOM file, the pictures of a ZIP archive, or itself.

    Args:
        content: the file's bytes, of any kind.
        name: what the file is called.

    Returns:
        At least one part. Nothing is decoded or unpacked before a part's content is asked for, but for TIFF and DICOM files
        within an archive. What is no picture, or cannot be opened, is one part whose content says so.
    """
    try:
        require_bytes(len(content), least=0)
        return list(_archived(content, name)) or _pictures(content, name)
    except ImageError as error:
        return [Part(name, name, partial(_refuse, error))]


def _archived(content: bytes, name: str) -> Iterator[Part]:
    """The fields of every picture of an archive; none where this is no archive."""
    from ball import archive

    if not archive.is_archive(content):
        return
    for member in archive.members(content):
        called = f"{name}, {member.name}"
        if not member.starts_like_several():
            yield Part(called, name, member.read)
            continue
        try:
            found = [part.name for part in _pictures(member.read(), called)]
        except ImageError as error:
            yield Part(called, name, partial(_refuse, error))
            continue
        # Each is unpacked anew when it is asked for, so that no two unpacked files lie in memory at once.
        yield from (Part(each, name, partial(_nth, member.read, called, index)) for index, each in enumerate(found))


def _nth(read: Callable[[], bytes], name: str, index: int) -> bytes:
    return _pictures(read(), name)[index].content()


def _pictures(content: bytes, name: str) -> list[Part]:
    """The pages or frames of a file that is no archive."""
    kind = kind_of(content)
    try:
        if kind == "DICOM":
            from ball.images import dicom

            count = dicom.frames(content)
            return [Part(_called(name, "frame", index, count), name, partial(dicom.frame, content, index)) for index in range(count)]
        if kind == "TIFF":
            from ball.images import tiff

            pages = tiff.pages(content)
            if len(pages) > 1:
                count = len(pages)
                return [Part(_called(name, "page", index, count), name, partial(tiff.page, content, at)) for index, at in enumerate(pages)]
    except ImageError:
        raise
    except Exception as error:
        raise damaged() from error
    return [Part(name, name, lambda: content)]


def _called(name: str, what: str, index: int, count: int) -> str:
    return name if count == 1 else f"{name}, {what} {index + 1}"


def _refuse(error: ImageError) -> bytes:
    raise error


def read_bytes(path: Path) -> bytes:
    """Read a file of at most `MAX_BYTES`.

    Raises:
        UnreadableFileError: missing, not a regular file, or not to be opened.
        ImageTooLargeError: too many bytes; none is read then.
    """
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise UnreadableFileError("This is a folder, not a picture, or a folder that may not be opened. Name the pictures in it.")
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableFileError("This is not an ordinary file. Give the picture as a file on disk.")
        require_bytes(status.st_size, least=0)
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise UnreadableFileError("There is no such file. Check its name and folder.") from error
    except PermissionError as error:
        raise UnreadableFileError("The file may not be opened. Ask for the right to read it.") from error
    except ImageError:
        raise
    except (OSError, ValueError) as error:
        raise UnreadableFileError("The file could not be read. Check the name, the disk or the network, and try again.") from error


def is_field(path: Path) -> bool:
    """Whether a path found in a folder is taken for a field: a regular file, not hidden, not .txt .csv .xml .json."""
    return named_as_field(path.name) and is_file(path)


def natural_key(text: str) -> tuple[tuple[tuple[int, int, str], ...], str]:
    """Key that sorts "field 2" before "field 10"; case counts only between names otherwise equal.

    A total order over any strings: different strings have different keys.
    """
    # Digits are compared by length, then as text: int() refuses more than 4300 of them.
    parts = enumerate(re.split(r"([0-9]+)", text))
    key = [(0, len(part.lstrip("0")), part.lstrip("0")) if index % 2 else (1, 0, part.casefold()) for index, part in parts if part]
    return tuple(key), text


def find_files(inputs: Sequence[Path]) -> list[Path]:
    """List the files that the inputs name, in the order given.

    A folder gives its fields (see `is_field`), those of its folders as well, in natural order; hidden folders and links
    to folders are not entered. Any other path is kept as it is, also when its suffix would be passed over, when it was
    named before, or when there is no such file: reading it tells. So is a folder that may not be listed.
    """
    return [path for given in inputs for path in (_walk(given) if is_folder(given) else [given])]


def _walk(folder: Path) -> list[Path]:
    found: list[Path] = []
    unlisted: list[OSError] = []
    for root, folders, files in os.walk(folder, onerror=unlisted.append):
        folders[:] = [each for each in folders if not each.startswith(".")]
        # What cannot even be looked at (a dead link) stays: a field that silently goes missing is worse than one with an error.
        paths = [Path(root, each) for each in files if named_as_field(each)]
        found += [path for path in paths if not exists(path) or is_file(path)]
    found += [Path(error.filename) for error in unlisted]
    return sorted(found, key=lambda path: [natural_key(part) for part in path.parts])


def exists(path: Path) -> bool:
    """Whether anything is to be found at a path; unlike `Path.exists` False, and no error, for a name or folder that forbids to look."""
    return _mode(path) != 0


def is_file(path: Path) -> bool:
    """Whether a path is a regular file that can be looked at; see `exists`."""
    return stat.S_ISREG(_mode(path))


def is_folder(path: Path) -> bool:
    """Whether a path is a folder that can be looked at; see `exists`."""
    return stat.S_ISDIR(_mode(path))


def _mode(path: Path) -> int:
    """The type and rights of a file, links followed; 0 where they are not to be had."""
    try:
        return path.stat().st_mode
    except (OSError, ValueError):
        return 0


def named_as_field(name: str) -> bool:
    """Whether a file of this name is taken for a field: not hidden, not .txt .csv .xml .json."""
    return not name.startswith(".") and Path(name).suffix.lower() not in PASSED_OVER
