"""Figures of 8-bit values from their histogram: one pass over the pixels, none of it in floating point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Counts = NDArray[np.int64]
Mask = NDArray[np.bool_]

_VALUES: Final = np.arange(256, dtype=np.int64)


def histograms(image: Image, mask: Mask | None = None) -> Counts:
    """(channels, 256) counts of the values of an image (H, W, channels), within a mask (H, W) if one is given."""
    chosen = None if mask is None else mask.view(np.uint8)
    # OpenCV counts in float32, exact up to 16.7 million of one value.
    counted = [cv2.calcHist([image], [channel], chosen, [256], [0, 256]).ravel() for channel in range(image.shape[2])]
    return np.array(counted).astype(np.int64)


def percentiles(counts: Counts, shares: Sequence[float]) -> list[float]:
    """As `np.percentile` of the values counted in (256,): linear between the two values nearest in rank."""
    before = np.cumsum(counts)
    place = (before[-1] - 1) * (np.asarray(shares) / 100)
    lower = np.floor(place)
    # A rank's value is the first with more values up to it than the rank.
    low, high = (np.searchsorted(before, rank, side="right") for rank in (lower, np.minimum(lower + 1, before[-1] - 1)))
    return [float(value) for value in low + (high - low) * (place - lower)]


def mean_and_spread(counts: Counts) -> tuple[float, float]:
    """Mean and standard deviation of the values counted in (256,)."""
    count = int(counts.sum())
    total, squares = int(counts @ _VALUES), int(counts @ _VALUES**2)
    return total / count, float(np.sqrt(squares * count - total**2) / count)
