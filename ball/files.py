"""Files on disk: which of them are fields, in which order, and their bytes."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ball.images import MAX_BYTES, ImageError, UnreadableFileError, require_bytes

PASSED_OVER: Final = frozenset({".txt", ".csv", ".xml", ".json"})
"""Suffixes, in lower case, of the files beside fields that are no picture."""


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
    return _named_as_field(path.name) and stat.S_ISREG(_mode(path))


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
    return [path for given in inputs for path in (_walk(given) if stat.S_ISDIR(_mode(given)) else [given])]


def _walk(folder: Path) -> list[Path]:
    found: list[Path] = []
    unlisted: list[OSError] = []
    for root, folders, files in os.walk(folder, onerror=unlisted.append):
        folders[:] = [each for each in folders if not each.startswith(".")]
        # What cannot even be looked at (a dead link) stays: a field that silently goes missing is worse than one with an error.
        paths = [Path(root, each) for each in files if _named_as_field(each)]
        found += [path for path in paths if not _mode(path) or stat.S_ISREG(_mode(path))]
    found += [Path(error.filename) for error in unlisted]
    return sorted(found, key=lambda path: [natural_key(part) for part in path.parts])


def _mode(path: Path) -> int:
    """The type and rights of a file, links followed; 0 where they are not to be had."""
    try:
        return path.stat().st_mode
    except (OSError, ValueError):
        return 0


def _named_as_field(name: str) -> bool:
    return not name.startswith(".") and Path(name).suffix.lower() not in PASSED_OVER
