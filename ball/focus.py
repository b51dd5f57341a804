"""What a class map is worth: how much of it lies on cells, and whether what it rates high matters more than what it rates low."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Focus:
    """Shares 0..1 of a map's energy inside cells.

    ``on_cells``: of this map. ``by_chance``: of an even map, which is the cells' share of the field. ``ideal``: of the map
    that follows the cells as well as squares of this size can, each as bright as its share of cells.
    """

    on_cells: float
    by_chance: float
    ideal: float

    @property
    def of_ideal(self) -> float:
        """Share as a part of ``ideal``, above 1 for a map that keeps to the fullest squares; 0 where no cell was found."""
        return self.on_cells / self.ideal if self.ideal else 0.0


def focus(heat: NDArray[np.float32], mask: NDArray[np.bool_]) -> Focus | None:
    """Measure one map.

    Args:
        heat: (h, w) class map, at least 0. Every square counts with its own value, not smoothed over its neighbours.
        mask: (H, W) bool, True on cells; H at least h, W at least w.

    Returns:
        None for a map that is 0 everywhere: such a map looks nowhere.

    Raises:
        ValueError: a negative or unfinite value, or a mask smaller than the map.
    """
    if mask.shape[0] < heat.shape[0] or mask.shape[1] < heat.shape[1]:
        raise ValueError(f"expected a mask of at least {heat.shape}, got {mask.shape}")
    if not np.isfinite(heat).all() or heat.min() < 0:
        raise ValueError("expected a map of finite values of at least 0")
    covered = cv2.resize(mask.astype(np.float32), (heat.shape[1], heat.shape[0]), interpolation=cv2.INTER_AREA).astype(np.float64)
    energy = float(heat.sum(dtype=np.float64))
    if energy <= 0:
        return None
    total = float(covered.sum())
    ideal = float((covered**2).sum()) / total if total else 0.0
    return Focus(float((heat * covered).sum()) / energy, float(mask.mean()), ideal)


def without(masked: NDArray[np.uint8], mask: NDArray[np.bool_], heat: NDArray[np.float32], share: float) -> NDArray[np.uint8]:
    """A field without the stained pixels that a map rates highest, and without as many that it rates lowest.

    They become black, as all outside the mask is. Only stained pixels count, so that a map gains nothing by lying on
    cells alone; that the most and the least relevant are taken out in equal number follows ROAD (Rong et al. 2022,
    arXiv:2202.00449).

    Args:
        masked: (H, W, 3) field, black outside the mask.
        mask: (H, W) bool, True on cells.
        heat: (h, w) map; brought to the field's size.
        share: of the stained pixels, 0..1.

    Returns:
        (2, H, W, 3) uint8: without the highest, without the lowest.
    """
    fine = cv2.resize(heat, (mask.shape[1], mask.shape[0]), interpolation=cv2.INTER_LINEAR)
    places = np.flatnonzero(mask)
    ranked = places[np.argsort(-fine.ravel()[places], kind="stable")]
    count = round(share * len(ranked))
    made = np.stack([masked, masked]).reshape(2, -1, 3)
    made[0, ranked[:count]] = 0
    made[1, ranked[len(ranked) - count :]] = 0
    return made.reshape(2, *masked.shape)
