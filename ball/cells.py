"""Cells of a field: touching nuclei split, counted, and measured on the unsqueezed field as scikit-image's regionprops does."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.segmentation import watershed

from ball.histograms import histograms, percentiles
from ball.nuclei import refine, split
from ball.regions import Box, Labels, Mask, boxes, parts, squared_distance
from ball.segmentation import SIZE, Segmentation
from ball.shapes import Shape, shape_of

FIELD_ASPECT: Final = 4 / 3
"""Width over height of a camera field; a square field is taken as one squeezed from it."""

MAX_ASPECT: Final = 8.0
"""Fields longer than this to one, either way, are measured as if they were this long: no camera makes them."""

LEAST: Final = 30
"""Least area in pixels, at 224 x 224, of a nucleus that is counted: half of the least object of the mask."""

MEASURES: Final = ("area", "diameter", "circularity", "eccentricity", "solidity", "nucleus_to_cell", "stain")
"""The measures whose medians describe a field."""

Image = NDArray[np.uint8]
Outline = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Cell:
    """One nucleus and its cell.

    ``x``, ``y``: centre as a share of width and height, 0..1. ``area``, ``diameter`` (of the circle of equal area):
    pixels of the unsqueezed field at the mask's height. ``aspect``: width over height that was assumed for it.
    ``nucleus_to_cell``: area of the nucleus by that of the whole cell, 0..1. ``stain``: mean optical density of the nucleus
    over red, green and blue, against the field's bright background. ``micrometres``: the diameter, None without a scale.
    ``outline``: of the nucleus, points as shares of width and height.
    """

    number: int
    x: float
    y: float
    area: int
    diameter: float
    circularity: float
    eccentricity: float
    solidity: float
    nucleus_to_cell: float
    stain: float
    at_border: bool
    aspect: float
    micrometres: float | None = None
    outline: Outline = ()

    def values(self) -> dict[str, Any]:
        """What is exported: every measure, without the outline; floats to five digits."""
        return {name: _rounded(value) for name, value in vars(self).items() if name != "outline"}


def find_cells(
    segmentation: Segmentation, field_shape: tuple[int, int], aspect: float | None = None, scale: float | None = None
) -> tuple[Cell, ...]:
    """Find and measure the cells of a segmented field, numbered from the top left.

    Args:
        segmentation: of the field, at any size.
        field_shape: height and width of the field.
        aspect: width over height of the camera's field; None takes the field's own, and 4:3 where it is square.
        scale: height of the field in micrometres, where it is known.

    Raises:
        ValueError: an aspect or a scale that is not above 0.
    """
    return cells_of(segmentation.resized, segmentation.mask, field_shape, aspect, scale)


def cells_of(
    rgb: Image, mask: Mask, field_shape: tuple[int, int], aspect: float | None = None, scale: float | None = None
) -> tuple[Cell, ...]:
    """As `find_cells`, from the field (H, W, 3) at the size of its mask (H, W)."""
    taken = field_aspect(field_shape, aspect)
    require_scale(scale)
    refined = refine(rgb, mask)
    return _measured(label_nuclei(refined.nuclei, taken), refined.cells, rgb, taken, scale)


def require_scale(scale: float | None) -> None:
    """Raise ValueError for a height in micrometres that is no finite number above 0; None is no scale."""
    if scale is not None and not 0 < scale < float("inf"):
        raise ValueError(f"scale must be above 0 (height of the field in micrometres), got {scale}")


def summary(cells: Sequence[Cell]) -> dict[str, Any]:
    """The cells of a field as JSON values: how many, the aspect measured with, and the medians of those not cut by the border."""
    whole = [cell for cell in cells if not cell.at_border]
    names = (*MEASURES, "micrometres") if any(cell.micrometres is not None for cell in cells) else MEASURES
    medians = {name: _rounded(median(getattr(cell, name) for cell in whole)) if whole else None for name in names}
    border = len(cells) - len(whole)
    return {"count": len(cells), "at_border": border, "aspect": cells[0].aspect if cells else None, "median": medians}


def field_aspect(field_shape: tuple[int, int], aspect: float | None = None) -> float:
    """Width over height that a field of this height and width is measured with.

    Raises:
        ValueError: an aspect that is not above 0.
    """
    if aspect is not None and not aspect > 0:
        raise ValueError(f"aspect must be above 0 (width over height), got {aspect}")
    height, width = field_shape
    chosen = aspect or (FIELD_ASPECT if height == width else width / height)
    return min(max(chosen, 1 / MAX_ASPECT), MAX_ASPECT)


def label_nuclei(nuclei: Mask, aspect: float) -> Labels:
    """Number the nuclei of a mask, touching ones split, from the top left; those under the least area are left out.

    Args:
        nuclei: (H, W) bool.
        aspect: width over height of the unsqueezed field.

    Returns:
        (H, W) int32: 0 outside and 1, 2, ... on the nuclei.
    """
    height, width = nuclei.shape
    labels = split(nuclei, aspect * height / width)
    areas = np.bincount(labels.ravel())
    least = max(1.0, LEAST * height * width / SIZE**2)
    corners = [(box[0].start, box[1].start, number) for number, box in boxes(labels) if areas[number] >= least]
    order = np.zeros(len(areas), dtype=np.int32)
    for place, (_, _, number) in enumerate(sorted(corners), start=1):
        order[number] = place
    return np.asarray(order[labels], dtype=np.int32)


def territories(segmentation: Segmentation, aspect: float) -> Labels:
    """For every pixel of the mask that the networks see, the number of the cell that it belongs to.

    Parts of the mask without any nucleus, debris, belong to none. Same arguments and numbers as `find_cells`.
    """
    labels = label_nuclei(refine(segmentation.resized, segmentation.mask).nuclei, aspect)
    return watershed_within(labels, segmentation.mask)


def watershed_within(labels: Labels, mask: Mask) -> Labels:
    """Let every object grow over the mask that it lies in, each pixel to the nearest object of its own part."""
    if not labels.any():
        return np.zeros_like(labels)
    count, part = parts(mask, connectivity=4)
    on = (labels > 0) & mask
    owner = np.zeros(count + 1, dtype=np.int32)
    owner[part[on]] = labels[on]
    if (owner[part[on]] == labels[on]).all():  # No part holds two objects: there is nothing to share out.
        return owner[part]
    # Squared distances flood in the same order.
    return np.asarray(watershed(squared_distance(labels > 0), labels, mask=mask), dtype=np.int32)  # type: ignore[no-untyped-call]


def _measured(labels: Labels, cells: Mask, rgb: Image, aspect: float, scale: float | None) -> tuple[Cell, ...]:
    """Measure labelled nuclei. They are only ever stretched, so that the count does not depend on the aspect."""
    if not labels.any():
        return ()
    rows, columns = labels.shape
    shape = (max(rows, round(columns / aspect)), max(columns, round(rows * aspect)))
    # The 16 bits of the nearest-pixel resize hold 65,535 nuclei, more than a field has room for.
    wide = cv2.resize(labels.astype(np.uint16), (shape[1], shape[0]), interpolation=cv2.INTER_NEAREST_EXACT).astype(np.int32)
    on = labels > 0
    whole = np.bincount(watershed_within(labels, cells | on).ravel())
    numbers = labels[on]
    nucleus = np.bincount(numbers)
    stains = np.bincount(numbers, weights=optical_density(rgb[on][None], rgb)[0]) / np.maximum(nucleus, 1)
    zoom = rows / shape[0]
    found = []
    for (number, box), (_, wide_box) in zip(boxes(labels), boxes(wide), strict=True):
        form = shape_of(wide[wide_box] == number)
        diameter = form.diameter * zoom
        found.append(
            Cell(
                number=number, **_placed(form, wide_box, shape, zoom), diameter=diameter, aspect=aspect,
                nucleus_to_cell=float(nucleus[number] / whole[number]), stain=float(stains[number]),
                micrometres=None if scale is None else diameter * scale / rows, outline=_outline(labels[box] == number, box, labels.shape),
            )
        )
    return tuple(found)


def _placed(form: Shape, box: Box, shape: tuple[int, int], zoom: float) -> dict[str, Any]:
    """Place and form of one nucleus measured at ``shape``; areas are brought to the mask's height by ``zoom``."""
    (top, bottom), (left, right) = ((side.start, side.stop) for side in box)
    return {
        "x": (left + form.column + 0.5) / shape[1],
        "y": (top + form.row + 0.5) / shape[0],
        "area": max(1, round(form.area * zoom**2)),
        "circularity": min(1.0, 4 * math.pi * form.area / form.perimeter**2) if form.perimeter else 0.0,
        "eccentricity": form.eccentricity,
        "solidity": form.solidity,
        "at_border": top == 0 or left == 0 or bottom == shape[0] or right == shape[1],
    }


def optical_density(rgb: Image, field: Image | None = None) -> NDArray[np.float32]:
    """Mean optical density over the channels, -log10 of the light that passes; 0 for the bright background.

    The background is the 95th percentile of every channel (Beer-Lambert; Ruifrok and Johnston 2001 use it for stains).

    Args:
        rgb: (H, W, 3) uint8.
        field: (H, W, 3) uint8 that has the background; None for the picture itself.

    Returns:
        (H, W) float32, at least 0.
    """
    background = np.array([percentiles(counts, [95])[0] for counts in histograms(rgb if field is None else field)], dtype=np.float32)
    # Of 256 values, not of every pixel: (1, 256, 3).
    passed = (np.arange(256, dtype=np.float32)[None, :, None] + 1) / (background + 1)
    density = cv2.LUT(rgb, np.clip(-np.log10(passed), 0, None))
    return np.asarray((density[:, :, 0] + density[:, :, 1] + density[:, :, 2]) / np.float32(3), dtype=np.float32)


def _outline(mask: Mask, box: Box, shape: tuple[int, int]) -> Outline:
    """The longest outline of a mask that stands in a box of the field, as shares of the field's width and height."""
    lines, _ = cv2.findContours(mask.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE, offset=(box[1].start, box[0].start))
    points = max(lines, key=len)[:, 0] + 0.5
    return tuple(map(tuple, (points / shape[::-1]).tolist()))


def _rounded(value: Any) -> Any:
    return round(value, 5) if isinstance(value, float) else value
