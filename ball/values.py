"""Checks shared by the rooms: what was expected and what came."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def require_rgb(array: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return ``array`` if it is an RGB uint8 image (H, W, 3) with at least one pixel.

    Raises:
        ValueError: another type, shape or no pixel; says which.
    """
    if not isinstance(array, np.ndarray) or array.dtype != np.uint8:
        came = f"dtype {array.dtype}" if isinstance(array, np.ndarray) else type(array).__name__
        raise ValueError(f"expected an RGB uint8 array, got {came}")
    if array.ndim != 3 or array.shape[2] != 3 or 0 in array.shape:
        raise ValueError(f"expected shape (height, width, 3), got {array.shape}")
    return array
