"""The pictures of a ZIP archive, each read alone and only after its size is known.

Nothing is written to disk and no path of the archive is followed: of a member's path the last part is kept, as its name.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Final

from ball.files import named_as_field
from ball.images import (
    MAX_BYTES,
    DamagedImageError,
    EmptyImageError,
    ImageError,
    ImageTooLargeError,
    UnsupportedImageError,
    kind_of,
    truncated,
)

MAX_MEMBERS: Final = 1000
"""Most files of one archive."""

MAX_UNPACKED: Final = 256 * 2**20
"""Most bytes that all files of one archive may unpack to."""

MAX_RATIO: Final = 100
"""How many times larger than packed a file may be: no photograph is packed this well."""

_MAGIC: Final = re.compile(rb"PK(\x03\x04|\x05\x06)")
_END: Final = struct.Struct("<4s4H2IH")
_BEGINNING: Final = 160
_MAX_DIRECTORY: Final = 2**20
_FREELY: Final = 2**20
"""Bytes that a file may unpack to whatever its ratio."""


def is_archive(data: bytes) -> bool:
    """Whether the first bytes are those of a ZIP archive."""
    return _MAGIC.match(data) is not None


@dataclass(frozen=True)
class Member:
    """One file of an archive. ``name`` is the last part of its path, numbered where another file has the same."""

    name: str
    archive: zipfile.ZipFile = field(repr=False)
    info: zipfile.ZipInfo = field(repr=False)

    def starts_like_several(self) -> bool:
        """Whether it begins as a TIFF or DICOM file, which may hold several pictures; nothing but its beginning is unpacked."""
        try:
            _require_readable(self.info)
            with self.archive.open(self.info) as file:
                return kind_of(file.read(_BEGINNING)) in ("TIFF", "DICOM")
        except Exception:  # noqa: BLE001 - reading it whole will say what is wrong.
            return False

    def read(self) -> bytes:
        """Unpack it.

        Raises:
            ImageError: locked, packed in an unusual way or too well, too large, or damaged.
        """
        _require_readable(self.info)
        try:
            with self.archive.open(self.info) as file:
                content = file.read(MAX_BYTES + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError, struct.error) as error:
            raise _damaged_member() from error
        if len(content) != self.info.file_size:
            raise _damaged_member()
        return content


def members(data: bytes) -> list[Member]:
    """The files of an archive that are taken for fields, in the archive's order.

    Raises:
        ImageError: damaged, of an unusual kind, of too many or too large files, or without any field.
    """
    _require_directory(data)
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except Exception as error:
        raise _damaged() from error
    infos = [info for info in archive.infolist() if _is_field(info.filename)]
    if not infos:
        raise EmptyImageError("The archive holds no picture. Pack the pictures of the fields into it and try again.")
    total = sum(info.file_size for info in infos)
    if len(infos) > MAX_MEMBERS or total > MAX_UNPACKED:
        raise ImageTooLargeError(
            f"The archive holds {len(infos)} files of {total / 2**20:.0f} MiB unpacked; at most {MAX_MEMBERS} files of "
            f"{MAX_UNPACKED // 2**20} MiB can be read. Split it into smaller archives."
        )
    return [Member(name, archive, info) for name, info in zip(_numbered([_last(info.filename) for info in infos]), infos, strict=True)]


def _require_directory(data: bytes) -> None:
    """Refuse, by the record at the end of the file, a list of files that is not there or too long to be looked through."""
    place = data.rfind(b"PK\x05\x06", max(0, len(data) - _END.size - 2**16))
    if place < 0 or place + _END.size > len(data):
        raise truncated()
    _, disk, _, _, count, size, _, _ = _END.unpack_from(data, place)
    if disk or data[max(0, place - 20) : place].startswith(b"PK\x06\x07"):
        raise UnsupportedImageError("This archive is split or of the kind for huge files. Pack the pictures as an ordinary ZIP archive.")
    if size > _MAX_DIRECTORY:
        raise ImageTooLargeError(f"The archive lists {count} files, more than can be read. Split it into smaller archives.")


def _require_readable(info: zipfile.ZipInfo) -> None:
    if info.flag_bits & 0x1:
        raise UnsupportedImageError("This file of the archive is locked with a password. Pack the pictures without one.")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise UnsupportedImageError("This file of the archive is packed in an unusual way. Pack the pictures as an ordinary ZIP archive.")
    if info.file_size > MAX_BYTES:
        raise ImageTooLargeError(
            f"This file of the archive has {info.file_size / 2**20:.0f} MiB; at most {MAX_BYTES // 2**20} can be read. Crop the picture."
        )
    if info.file_size > _FREELY and info.file_size > MAX_RATIO * info.compress_size:
        raise UnsupportedImageError(
            f"This file of the archive unpacks to more than {MAX_RATIO} times its size, which no photograph does. It was not unpacked."
        )


def _is_field(path: str) -> bool:
    """Whether a member is taken for a field: no folder, not hidden, not what macOS puts beside files."""
    parts = PurePosixPath(path.replace("\\", "/")).parts
    return bool(parts) and not path.endswith(("/", "\\")) and parts[0] != "__MACOSX" and named_as_field(parts[-1])


def _last(path: str) -> str:
    return PurePosixPath(path.replace("\\", "/")).name


def _numbered(names: list[str]) -> list[str]:
    """Names of which none occurs twice: the second field.png is called "field.png (2)"."""
    counts: dict[str, int] = {}
    found = []
    for name in names:
        counts[name] = counts.get(name, 0) + 1
        found.append(name if counts[name] == 1 else f"{name} ({counts[name]})")
    return found


def _damaged_member() -> ImageError:
    return DamagedImageError("This file of the archive is damaged. Copy the archive again from where it came.")


def _damaged() -> ImageError:
    return DamagedImageError("The archive is damaged. Copy it again from where it came, or add the pictures one by one.")
