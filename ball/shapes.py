"""Place and form of one object: the values of scikit-image's regionprops, a tenth of its time.

regionprops stays the definition, and the tests hold every value here against it. There it draws the convex hull, sums
moments of third order and makes each object again for every property; here OpenCV's moments and contours do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ball.regions import Mask

_CROSS: Final = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], dtype=np.uint8)
_TO_SIDES: Final = np.array([(1, 0), (-1, 0), (0, 1), (0, -1)], dtype=np.int32)
_NEIGHBOURS: Final = np.array([[10, 2, 10], [2, 1, 2], [10, 2, 10]], dtype=np.float32)
"""Tells by one sum how many pixels of the border lie beside and across from a pixel of it."""


def _lengths() -> NDArray[np.float64]:
    """Length of border that a pixel of each sum stands for (Benkrid and Crookes, as in `skimage.measure.perimeter`)."""
    lengths = np.zeros(50)
    lengths[[5, 7, 15, 17, 25, 27]] = 1
    lengths[[21, 33]] = math.sqrt(2)
    lengths[[13, 23]] = (1 + math.sqrt(2)) / 2
    return lengths


_LENGTHS: Final = _lengths()


@dataclass(frozen=True)
class Shape:
    """An object, in pixels.

    ``row`` and ``column``: of its centre, from the first pixel of its mask. ``solidity``: its area by that of the pixels
    within its convex hull. ``diameter``: of the circle of equal area.
    """

    row: float
    column: float
    area: int
    eccentricity: float
    perimeter: float
    solidity: float

    @property
    def diameter(self) -> float:
        """Of the circle of equal area."""
        return math.sqrt(4 * self.area / math.pi)


def shape_of(mask: Mask) -> Shape:
    """Measure the one object of a mask (H, W), which reaches all four sides of it.

    Raises:
        ValueError: an empty mask.
    """
    if not mask.any():
        raise ValueError("expected an object, got an empty mask")
    drawn = np.ascontiguousarray(mask).view(np.uint8)
    found = cv2.moments(drawn, binaryImage=True)
    area = round(found["m00"])
    return Shape(
        row=found["m01"] / area, column=found["m10"] / area, area=area,
        eccentricity=_eccentricity(found["mu20"], found["mu11"], found["mu02"]),
        perimeter=_perimeter(drawn), solidity=area / _area_convex(drawn),
    )  # fmt: skip


def _eccentricity(across: float, both: float, down: float) -> float:
    """Of the ellipse with these second central moments: 0 for a circle, 1 for a line."""
    middle, half = (across + down) / 2, math.hypot((across - down) / 2, both)
    return math.sqrt(min(1.0, 2 * half / (middle + half))) if middle else 0.0


def _perimeter(drawn: NDArray[np.uint8]) -> float:
    """Length of the border: of the pixels that have a side to the outside, one by one, by how the border runs through them."""
    framed = cv2.copyMakeBorder(drawn, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    border = framed - cv2.erode(framed, _CROSS)
    sums = cv2.filter2D(border, cv2.CV_8U, _NEIGHBOURS, borderType=cv2.BORDER_CONSTANT)
    return float(np.bincount(sums.ravel(), minlength=len(_LENGTHS)) @ _LENGTHS)


def _area_convex(drawn: NDArray[np.uint8]) -> int:
    """How many pixels have their centre in the convex hull of the middles of the sides of all pixels, or on its edge."""
    lines, _ = cv2.findContours(drawn, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    corners = 2 * cv2.convexHull(np.concatenate(lines))[:, 0]
    # In half pixels, so that the middles of the sides are whole numbers too.
    middles = (corners[:, None] + _TO_SIDES).reshape(-1, 2)
    hull = np.asarray(cv2.convexHull(middles)[:, 0], dtype=np.int32)
    top, bottom = int(hull[:, 1].argmin()), int(hull[:, 1].argmax())
    one, other = _chain(hull, top, bottom), _chain(hull, bottom, top)[::-1]
    rows = np.arange(0, 2 * drawn.shape[0], 2)
    ends = np.stack([np.interp(rows, side[:, 1], side[:, 0]) for side in (one, other)]) / 2
    # A corner is a whole number of half pixels, so what comes this near to a pixel's centre lies on it.
    first, last = np.ceil(ends.min(axis=0) - 1e-6), np.floor(ends.max(axis=0) + 1e-6)
    return int((last - first + 1).sum())


def _chain(hull: NDArray[np.int32], start: int, stop: int) -> NDArray[np.int32]:
    """The corners from one to another, both included, in the order of the hull."""
    return hull[start : stop + 1] if start <= stop else np.concatenate([hull[start:], hull[: stop + 1]])
