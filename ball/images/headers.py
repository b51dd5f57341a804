"""The header and the outline of a file: what can be refused before a pixel is decoded."""

from __future__ import annotations

import struct
import zlib
from typing import Final

from ball.images.errors import damaged, require_pixels, truncated

_PNG_BANDS: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_ADAM7: Final = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""First column, first row, step across and step down of the passes of an interlaced PNG."""

_MAX_SCANS: Final = 100


def check_header(data: bytes, name: str) -> None:
    """Refuse on the header and the outline of the file alone; what this lets through, the decoder still checks."""
    if name == "PNG":
        _check_png(data)
    elif name == "JPEG":
        require_jpeg(data)
    elif name == "WebP":
        _check_webp(data)
    elif name == "TIFF":
        _check_directory(data)


def _check_png(data: bytes) -> None:
    """Check size, chunk checksums, the end mark, and that every row is there; Pillow checks none of the last three."""
    if len(data) < 33:
        raise truncated()
    width, height, bits, colour, _, _, interlaced = struct.unpack_from(">IIBBBBB", data, 16)
    require_pixels((width, height))
    view, position, kind = memoryview(data), 8, b""
    pixels = []
    while kind != b"IEND":
        if position + 12 > len(data):
            raise truncated()
        length, kind = struct.unpack_from(">I4s", data, position)
        end = position + 12 + length
        if end > len(data):
            raise truncated()
        critical = not kind[0] & 0x20
        if critical and zlib.crc32(view[position + 4 : end - 4]) != struct.unpack_from(">I", data, end - 4)[0]:
            raise damaged()
        if kind == b"IDAT":
            pixels.append(view[position + 8 : end - 4])
        position = end
    passes = _ADAM7 if interlaced else ((0, 0, 1, 1),)
    sizes = [(-((left - width) // across), -((top - height) // down)) for left, top, across, down in passes]
    rows = sum(rows * (1 + (columns * bits * _PNG_BANDS.get(colour, 1) + 7) // 8) for columns, rows in sizes if columns > 0 < rows)
    _require_inflated(pixels, rows)


def _require_inflated(parts: list[memoryview], expected: int) -> None:
    """Check that a zlib stream holds the bytes expected; a mebibyte is unpacked at a time, and nothing beyond them."""
    stream, count = zlib.decompressobj(), 0
    for part in parts:
        rest: bytes | memoryview = part
        while rest and count < expected and not stream.eof:
            count += len(stream.decompress(rest, 2**20))
            rest = stream.unconsumed_tail
    if count < expected:
        raise truncated()


def require_jpeg(data: bytes) -> None:
    """Check that the end mark follows the scans, and that there are not thousands of these: each costs a whole pass.

    A file that a broken copy filled up with zeros decodes without an error, but has no end mark.
    """
    scan = _first_scan(data)
    end = data.find(b"\xff\xd9", scan)
    if end < 0:
        raise truncated()
    if data.count(b"\xff\xda", scan, end) > _MAX_SCANS:
        raise damaged()


def _first_scan(data: bytes) -> int:
    """Where the first scan begins, found by walking the segments before it: the thumbnail in one has an end mark too."""
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF and data[position + 1] != 0xDA:
        # Bytes of 0xFF may fill up the space before a marker.
        filled = data[position + 1] == 0xFF
        position += 1 if filled else 2 + int(struct.unpack_from(">H", data, position + 2)[0])
    return min(position, len(data))


def _check_webp(data: bytes) -> None:
    """Check length and size, since the decoder takes memory for the canvas as soon as it is made."""
    if len(data) < 30 or struct.unpack_from("<I", data, 4)[0] + 8 > len(data):
        raise truncated()
    kind = data[12:16]
    if kind == b"VP8X":
        require_pixels((1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")))
    elif kind == b"VP8L":
        packed = int.from_bytes(data[21:25], "little")
        require_pixels(((packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1))
    elif kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        require_pixels((width & 0x3FFF, height & 0x3FFF))


def _check_directory(data: bytes) -> None:
    """Check that the list of tags of a TIFF is whole: Pillow goes on with the tags it could read."""
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"\x2b\x00", b"\x00\x2b")
    start, counted, entry, link = (8, "Q", 20, 8) if big else (4, "H", 12, 4)
    try:
        offset = struct.unpack_from(order + ("Q" if big else "I"), data, start)[0]
        tags = struct.unpack_from(order + counted, data, min(offset, len(data)))[0]
    except struct.error as error:
        raise truncated() from error
    if offset + struct.calcsize(counted) + tags * entry + link > len(data):
        raise truncated()
