"""The pictures of a report: the field with its cells outlined and numbered, and the map of each vote."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ball.labels import LABELS
from ball.report.fonts import font_file

if TYPE_CHECKING:
    from ball.reading import Evidence

Picture = NDArray[np.uint8]
SIDE: Final = 800
"""Longer side in pixels of a picture in the report."""

_INK: Final = (16, 24, 30)
_WHITE: Final = (255, 255, 255)


def outlined(evidence: Evidence) -> Picture:
    """The field with every object of the mask outlined and every cell numbered, (H, W, 3) RGB."""
    rgb = _sized(evidence.rgb)
    height, width = rgb.shape[:2]
    mask = cv2.resize(evidence.segmentation.mask.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
    lines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    for colour, thick in ((_WHITE, 4), (_INK, 2)):
        cv2.drawContours(rgb, lines, -1, colour, thick, cv2.LINE_AA)
    return _numbered(rgb, [(cell.number, cell.x * width, cell.y * height) for cell in evidence.cells])


def maps(evidence: Evidence, votes: dict[str, str]) -> dict[str, Picture]:
    """Where each network looked for its own vote, over the field, by network; as the page shows it."""
    from ball.explain import overlay, small

    rgb = small(evidence.rgb, SIDE // 2)
    return {
        network: overlay(rgb, evidence.maps[network][LABELS.index(label)]) for network, label in votes.items() if network in evidence.maps
    }


def png(picture: Picture) -> bytes:
    """A picture as PNG, its pixels alone."""
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "PNG")
    return stream.getvalue()


def jpeg(picture: Picture) -> io.BytesIO:
    """A picture as JPEG of high quality, full colour resolution."""
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=90, subsampling=0)
    stream.seek(0)
    return stream


def _sized(rgb: Picture) -> Picture:
    """The field with its longer side at `SIDE`, so that outlines and numbers are of one size on every field."""
    factor = SIDE / max(rgb.shape[:2])
    size = (max(1, round(rgb.shape[1] * factor)), max(1, round(rgb.shape[0] * factor)))
    return np.array(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC), dtype=np.uint8)


def _numbered(rgb: Picture, places: list[tuple[int, float, float]]) -> Picture:
    image = Image.fromarray(rgb)
    draw, font = ImageDraw.Draw(image), ImageFont.truetype(str(font_file(bold=True)), 17)
    for number, x, y in places:
        draw.ellipse((x - 14, y - 14, x + 14, y + 14), fill=_WHITE, outline=_INK, width=2)
        draw.text((x, y), str(number), fill=_INK, font=font, anchor="mm")
    return np.asarray(image, dtype=np.uint8)
