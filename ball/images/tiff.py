"""The pages of a TIFF, each as a file of its own, so that every check of `ball.images` meets each page.

Only the tags that describe the pixels are taken along: a page carries no name, date or comment of the file it came from.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ball.images.errors import MAX_BYTES, ImageTooLargeError, damaged, truncated

MAX_PAGES: Final = 500
"""Most pages of one file."""

_MAX_PARTS: Final = 100_000
_MAX_TAGS: Final = 1000
KEPT: Final = frozenset({*range(256, 260), 262, 266, 273, 274, *range(277, 280), 284, 292, 293, 317, 320, *range(322, 326), 338, 339,
                         347, *range(529, 533)})
"""Numbers of the tags that describe the pixels."""

_SUBFILE: Final = 254
_SIZES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_WHOLE: Final = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
_PIXELS: Final = {273: 279, 324: 325}
"""Tag of the offsets of strips or tiles, and that of their byte counts."""


@dataclass(frozen=True)
class _Shape:
    """How numbers and directories are laid out: byte order, and the wider fields of a BigTIFF."""

    order: str
    big: bool

    def ints(self, data: bytes, offset: int, letters: str) -> tuple[int, ...]:
        """Whole numbers at a place, or the error for a file cut short."""
        try:
            return struct.unpack_from(self.order + letters, data, offset)
        except (struct.error, OverflowError) as error:
            raise truncated() from error


def pages(data: bytes) -> list[int]:
    """Where the directory of every page lies; smaller copies of a page and masks are no pages.

    Raises:
        ImageError: the chain of directories leads out of the file or in a circle, or is too long.
    """
    shape = _shape(data)
    offset = shape.ints(data, 8 if shape.big else 4, "Q" if shape.big else "I")[0]
    seen: set[int] = set()
    found: list[int] = []
    while offset:
        if offset in seen:
            raise damaged()
        if len(seen) == MAX_PAGES:
            raise ImageTooLargeError(f"This TIFF has more than {MAX_PAGES} pages. Split it into smaller files.")
        seen.add(offset)
        count, start, entry = _directory(data, offset, shape)
        if not any(tag == _SUBFILE and value & 5 for tag, value in _first_tags(data, start, min(count, 4), shape)):
            found.append(offset)
        offset = shape.ints(data, start + count * entry, "Q" if shape.big else "I")[0]
    return found


def page(data: bytes, offset: int) -> bytes:
    """The page whose directory lies at ``offset``, as a TIFF of one page and of the same byte order.

    Raises:
        ImageError: its parts lie outside the file, or are more than can be read.
    """
    shape = _shape(data)
    tags = dict(_entries(data, offset, shape))
    for where, sizes in _PIXELS.items():
        if where in tags and sizes in tags:
            parts = list(zip(_numbers(*tags[where], shape), _numbers(*tags[sizes], shape), strict=False))
            if sum(size for _, size in parts) + sum(len(value) for _, value in tags.values()) > MAX_BYTES:
                raise ImageTooLargeError(f"A page of this TIFF has more than {MAX_BYTES // 2**20} MiB. Save it as a file of its own.")
            if any(start + size > len(data) for start, size in parts):
                raise truncated()
            return _written(tags, where, sizes, [data[start : start + size] for start, size in parts], shape)
    raise damaged()


def _shape(data: bytes) -> _Shape:
    return _Shape("<" if data[:2] == b"II" else ">", data[2:4] in (b"\x2b\x00", b"\x00\x2b"))


def _directory(data: bytes, offset: int, shape: _Shape) -> tuple[int, int, int]:
    """Number of entries, where the first begins, and bytes of one."""
    count = shape.ints(data, offset, "Q" if shape.big else "H")[0]
    start, entry = (offset + 8, 20) if shape.big else (offset + 2, 12)
    if start + count * entry + (8 if shape.big else 4) > len(data):
        raise truncated()
    return count, start, entry


def _first_tags(data: bytes, start: int, count: int, shape: _Shape) -> Iterator[tuple[int, int]]:
    """The first tags, which come in rising order, each with its value read as one whole number."""
    for index in range(count):
        tag, kind, *_ = shape.ints(data, start + index * (20 if shape.big else 12), "HH")
        value = start + index * (20 if shape.big else 12) + (12 if shape.big else 8)
        yield tag, shape.ints(data, value, _WHOLE.get(kind, "B"))[0]


def _entries(data: bytes, offset: int, shape: _Shape) -> Iterator[tuple[int, tuple[int, bytes]]]:
    """Every tag worth keeping, once: its number, type and value as stored.

    Raises:
        ImageError: a value lies outside the file, or there are more tags, or longer values together, than a file can honestly have.
    """
    count, start, entry = _directory(data, offset, shape)
    if count > _MAX_TAGS:
        raise damaged()
    seen: set[int] = set()
    total = 0
    for place in range(start, start + count * entry, entry):
        tag, kind, length = shape.ints(data, place, "HHQ" if shape.big else "HHI")
        if tag not in KEPT or kind not in _SIZES or tag in seen:
            continue
        size = length * _SIZES[kind]
        seen.add(tag)
        # Values that share one place are each a copy of it: few entries would fill the memory.
        total += size
        inline = place + (12 if shape.big else 8)
        where = inline if size <= (8 if shape.big else 4) else shape.ints(data, inline, "Q" if shape.big else "I")[0]
        if where + size > len(data):
            raise truncated()
        if total > len(data):
            raise damaged()
        yield tag, (kind, data[where : where + size])


def _numbers(kind: int, value: bytes, shape: _Shape) -> tuple[int, ...]:
    count = len(value) // _SIZES[kind]
    if kind not in _WHOLE or count > _MAX_PARTS:
        raise damaged()
    return shape.ints(value, 0, f"{count}{_WHOLE[kind]}")


def _written(tags: dict[int, tuple[int, bytes]], where: int, sizes: int, parts: list[bytes], shape: _Shape) -> bytes:
    """An ordinary TIFF of these tags and parts: header, directory, long values, pixels."""
    order, count = shape.order, len(parts)
    tags = tags | {sizes: (4, struct.pack(f"{order}{count}I", *map(len, parts))), where: (4, bytes(4 * count))}
    long_values = 8 + 2 + 12 * len(tags) + 4
    places: dict[int, int] = {}
    end = long_values
    for tag, (_, value) in sorted(tags.items()):
        if len(value) > 4:
            places[tag], end = end, end + len(value) + len(value) % 2
    starts = [end]
    for part in parts[:-1]:
        starts.append(starts[-1] + len(part))
    tags[where] = (4, struct.pack(f"{order}{count}I", *starts))
    head = (b"II\x2a\x00" if order == "<" else b"MM\x00\x2a") + struct.pack(order + "I", 8) + struct.pack(order + "H", len(tags))
    body = b""
    for tag, (kind, value) in sorted(tags.items()):
        head += struct.pack(order + "HHI", tag, kind, len(value) // _SIZES[kind])
        head += struct.pack(order + "I", places[tag]) if tag in places else value.ljust(4, b"\0")
        body += value + bytes(len(value) % 2) if tag in places else b""
    return b"".join([head, bytes(4), body, *parts])
