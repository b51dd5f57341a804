"""Cells of a field, counted and measured on the unsqueezed field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.measure import label, regionprops

FIELD_ASPECT: Final = 4 / 3
"""Width over height of a camera field; a square field is taken as one squeezed from it."""

MAX_ASPECT: Final = 8.0
"""Fields longer than this to one, either way, are measured as if they were this long: no camera makes them."""


@dataclass(frozen=True)
class Cell:
    """One object of the mask.

    ``x``, ``y``: centre as a share of width and height, 0..1. ``area``, ``diameter`` (of the circle of equal area):
    pixels of the unsqueezed field at the mask's height. ``aspect``: width over height that was assumed for it.
    """

    number: int
    x: float
    y: float
    area: int
    diameter: float
    circularity: float
    eccentricity: float
    solidity: float
    at_border: bool
    aspect: float


def measure(mask: NDArray[np.bool_], field_shape: tuple[int, int], aspect: float | None = None) -> tuple[Cell, ...]:
    """Measure every object of a mask, numbered from the top left.

    Args:
        mask: (H, W) bool.
        field_shape: height and width of the field that the mask belongs to.
        aspect: width over height of the camera's field; None takes the field's own, and 4:3 where it is square.

    Raises:
        ValueError: an aspect that is not above 0.
    """
    height, width = field_shape
    if aspect is not None and not aspect > 0:
        raise ValueError(f"aspect must be above 0 (width over height), got {aspect}")
    chosen = aspect or (FIELD_ASPECT if height == width else width / height)
    chosen = min(max(chosen, 1 / MAX_ASPECT), MAX_ASPECT)
    # Objects are told apart on the mask itself, and only ever stretched, so that the count does not depend on the aspect.
    marks = np.asarray(label(mask, connectivity=2), dtype=np.int32)  # type: ignore[no-untyped-call]
    rows, columns = mask.shape
    shape = (max(rows, round(columns / chosen)), max(columns, round(rows * chosen)))
    wide = cv2.resize(marks.astype(np.float32), (shape[1], shape[0]), interpolation=cv2.INTER_NEAREST).astype(np.int32)
    return tuple(_cell(region, shape, rows / shape[0], chosen) for region in regionprops(wide))  # type: ignore[no-untyped-call]


def _cell(region: Any, shape: tuple[int, int], scale: float, aspect: float) -> Cell:
    """One object measured at ``shape``; lengths are brought to the mask's height by ``scale``."""
    top, left, bottom, right = region.bbox
    perimeter = float(region.perimeter)
    return Cell(
        number=int(region.label),
        x=float(region.centroid[1] + 0.5) / shape[1],
        y=float(region.centroid[0] + 0.5) / shape[0],
        area=max(1, round(float(region.area) * scale**2)),
        diameter=float(region.equivalent_diameter_area) * scale,
        circularity=min(1.0, 4 * np.pi * float(region.area) / perimeter**2) if perimeter else 0.0,
        eccentricity=float(region.eccentricity),
        solidity=float(region.solidity),
        at_border=top == 0 or left == 0 or bottom == shape[0] or right == shape[1],
        aspect=aspect,
    )
