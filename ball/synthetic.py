"""A drawn smear field: no patient, no data set, only something to try the software on."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

SIZE: Final = (768, 1024)
"""Height and width of a drawn field, a camera's 4:3."""

_BACKGROUND: Final = (238, 236, 240)
_RED_CELL: Final = (196, 178, 200)
_NUCLEUS: Final = (116, 62, 158)
_CYTOPLASM: Final = (178, 160, 212)
_NUCLEI: Final = (6, 13)
_RED_CELLS: Final = (70, 110)


def draw(seed: int, size: tuple[int, int] = SIZE) -> NDArray[np.uint8]:
    """Draw a field: pale background, red cells, some purple nuclei.

    Args:
        seed: the same seed gives the same field.
        size: height and width in pixels, at least 64 each.

    Returns:
        (height, width, 3) uint8 RGB.

    Raises:
        ValueError: a side under 64 pixels.
    """
    if min(size) < 64:
        raise ValueError(f"a field needs at least 64 pixels a side, got {size[0]} x {size[1]}")
    random = np.random.default_rng(seed)
    height, width = size
    unit = height / 768
    canvas = np.full((height, width, 3), _BACKGROUND, np.float32)
    for _ in range(random.integers(*_RED_CELLS)):
        centre = random.uniform((0, 0), (width, height))
        _red_cell(canvas, centre, random.uniform(30, 38) * unit, random)
    for centre in _apart(random, int(random.integers(*_NUCLEI)), (width, height), 110 * unit):
        _white_cell(canvas, centre, random.uniform(38, 56) * unit, random)
    light = np.linspace(0.97, 1.02, width, dtype=np.float32)[None, :, None]
    grain = random.normal(0, 2.0, canvas.shape).astype(np.float32)
    soft = cv2.GaussianBlur(canvas, (0, 0), max(0.6, 1.2 * unit))
    return np.asarray(np.clip(soft * light + grain, 0, 255), dtype=np.uint8)


def png(seed: int) -> bytes:
    """The field of a seed as the bytes of a PNG file."""
    return bytes(cv2.imencode(".png", cv2.cvtColor(draw(seed), cv2.COLOR_RGB2BGR))[1].tobytes())


def file_name(seed: int) -> str:
    """What a drawn field is called wherever it turns up, so that nobody takes it for a real one."""
    return f"synthetic-field-{seed}.png"


def _apart(random: np.random.Generator, count: int, span: tuple[int, int], least: float) -> list[NDArray[np.float64]]:
    """Up to ``count`` points no closer than ``least`` to each other."""
    points: list[NDArray[np.float64]] = []
    for _ in range(count * 20):
        point = random.uniform((0.06 * span[0], 0.08 * span[1]), (0.94 * span[0], 0.92 * span[1]))
        if len(points) < count and all(np.hypot(*(point - other)) >= least for other in points):
            points.append(point)
    return points


def _blob(centre: NDArray[np.float64], radius: float, wobble: float, random: np.random.Generator) -> NDArray[np.int32]:
    """Outline of a roundish shape, in 1/16 pixels."""
    angles = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    waves = sum(random.normal(0, wobble / order) * np.cos(order * angles + random.uniform(0, 2 * np.pi)) for order in (2, 3, 4, 5))
    reach = radius * (1 + waves)
    outline = centre + np.stack([reach * np.cos(angles), reach * np.sin(angles)], axis=1)
    return np.round(outline * 16).astype(np.int32)


def _fill(canvas: NDArray[np.float32], outline: NDArray[np.int32], colour: NDArray[np.float64], share: float = 1.0) -> None:
    """Paint an outline, ``share`` of its colour over what lies below."""
    mask = np.zeros(canvas.shape[:2], np.uint8)
    cv2.fillPoly(mask, [outline], 255, cv2.LINE_AA, shift=4)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    weight = mask[box][:, :, None].astype(np.float32) / 255 * share
    canvas[box] += weight * (colour.astype(np.float32) - canvas[box])


def _red_cell(canvas: NDArray[np.float32], centre: NDArray[np.float64], radius: float, random: np.random.Generator) -> None:
    colour = np.array(_RED_CELL) + random.normal(0, 4, 3)
    _fill(canvas, _blob(centre, radius, 0.05, random), colour, 0.85)
    _fill(canvas, _blob(centre, radius * 0.45, 0.08, random), np.array(_BACKGROUND), 0.5)


def _white_cell(canvas: NDArray[np.float32], centre: NDArray[np.float64], radius: float, random: np.random.Generator) -> None:
    _fill(canvas, _blob(centre, radius * random.uniform(1.1, 1.35), 0.06, random), np.array(_CYTOPLASM), 0.9)
    colour = np.array(_NUCLEUS) + random.normal(0, 6, 3)
    _fill(canvas, _blob(centre, radius, 0.07, random), colour)
    for _ in range(14):
        turn, reach = random.uniform(0, 2 * np.pi), radius * 0.65 * np.sqrt(random.uniform())
        offset = reach * np.array([np.cos(turn), np.sin(turn)])
        _fill(canvas, _blob(centre + offset, radius * random.uniform(0.08, 0.2), 0.15, random), colour + random.normal(0, 16), 0.5)
