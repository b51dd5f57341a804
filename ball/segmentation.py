"""From a field to the masked image that the networks see, each step a named value.

Follows the paper (Chowdhury et al.): resize, RGB to Lab, k-means on a*, binary threshold of the clustered
image, holes filled, small objects and holes removed, bitwise AND of image and mask.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Final, Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from ball.kmeans import kmeans_histogram
from ball.nuclei import refine
from ball.regions import at_least, filled, parts
from ball.values import require_rgb

SIZE: Final = 224
"""Side in pixels of the masked image; a network may read it at another side, given in the manifest."""

CLUSTERS: Final = 3
"""Default K, between 2 (whole cells) and 4 (the darkest of the nuclei): see `python -m benchmarks.segmentation`."""

MIN_OBJECT: Final = 60
"""Default least area in pixels, at 224 x 224, of an object kept and of a hole left open."""

MAX_MIN_OBJECT: Final = 5000
"""Largest ``min_object``, a tenth of the field: beyond it the background would count as a small hole."""

MIN_CONTRAST: Final = 8.0
"""Least distance, in 8-bit a* units, from the lowest to the highest centre; below it a field holds no stain."""

SCALE_BAR: Final = (24, 48)
"""Height and width, at 224 x 224, of the lower right corner where this data set prints a scale bar: cleared."""

Method = Literal["paper", "refined"]
METHODS: Final[tuple[str, ...]] = get_args(Method)

Image = NDArray[np.uint8]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Parameters:
    """How to segment. Areas are in pixels at 224 x 224 and scale with the size worked at.

    Raises:
        ValueError: ``clusters`` outside 2..8, or ``min_object`` outside 0..MAX_MIN_OBJECT.
    """

    clusters: int = CLUSTERS
    min_object: int = MIN_OBJECT
    clear_scale_bar: bool = True

    def __post_init__(self) -> None:
        if not 2 <= self.clusters <= 8:
            raise ValueError(f"clusters must be 2 to 8, got {self.clusters}")
        if not 0 <= self.min_object <= MAX_MIN_OBJECT:
            raise ValueError(f"min_object must be 0 to {MAX_MIN_OBJECT} pixels, got {self.min_object}")


@dataclass(frozen=True)
class Step:
    """One named step: what a page shows and what `python -m ball segment` writes.

    ``image`` is uint8, (H, W, 3) RGB or (H, W) grey.
    """

    name: str
    title: str
    image: Image


@dataclass(frozen=True)
class Segmentation:
    """Every intermediate value of one segmentation, all of one height and width."""

    resized: Image
    lab: Image
    a_star: Image
    clusters: Image
    binary: Mask
    filled: Mask
    cleaned: Mask
    masked: Image
    centres: tuple[float, ...]
    count: int

    @property
    def mask(self) -> Mask:
        """The final mask, (H, W) bool: True on nuclei."""
        return self.cleaned

    @property
    def empty(self) -> bool:
        """Whether nothing was found."""
        return not bool(self.cleaned.any())

    def steps(self) -> Iterator[Step]:
        """Yield the steps in the order of computation, ready to be shown."""
        for field in fields(self):
            if field.name in _TITLES:
                yield Step(field.name, _TITLES[field.name], _shown(getattr(self, field.name)))


_TITLES: Final = {
    "resized": "Resized",
    "lab": "Lab",
    "a_star": "a* channel",
    "clusters": "k-means on a*",
    "binary": "Threshold",
    "filled": "Holes filled",
    "cleaned": "Small objects removed",
    "masked": "Masked image",
}


def segment(
    rgb: Image, parameters: Parameters | None = None, size: tuple[int, int] | None = (SIZE, SIZE), method: Method = "paper"
) -> Segmentation:
    """Segment a field.

    Args:
        rgb: (H, W, 3) uint8.
        parameters: K, least area, scale bar; None for the defaults.
        size: height and width to work at; None keeps the field's own.
        method: ``paper``, the mask that the networks were trained on, or ``refined``, nuclei alone, outlined more closely.

    Returns:
        Every step. A field without stain contrast gives an empty mask, not an error.

    Raises:
        ValueError: ``rgb`` is not an RGB uint8 array, or there is no such method.
    """
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}; expected one of {', '.join(METHODS)}")
    chosen = parameters or Parameters()
    resized = resize(require_rgb(rgb), size)
    lab = np.asarray(cv2.cvtColor(resized, cv2.COLOR_RGB2LAB), dtype=np.uint8)
    a_star = np.ascontiguousarray(lab[:, :, 1])
    histogram = np.bincount(a_star.ravel(), minlength=256)
    table, centres = kmeans_histogram(histogram, chosen.clusters)
    clusters = np.asarray(cv2.LUT(a_star, table), dtype=np.uint8)
    stained = centres[-1] - centres[0] >= MIN_CONTRAST
    binary = (clusters == len(centres) - 1) & stained
    whole = filled(binary)
    cleaned, count = _clean(whole, chosen)
    if method == "refined":
        cleaned = refine(resized, cleaned).nuclei
        count, _ = parts(cleaned, connectivity=8)
    masked = np.asarray(cv2.copyTo(resized, cleaned.view(np.uint8)), dtype=np.uint8)
    return Segmentation(resized, lab, a_star, clusters, binary, whole, cleaned, masked, tuple(centres), count)


def resize(rgb: Image, size: tuple[int, int] | None) -> Image:
    """Resize to (height, width), by area when shrinking; squeezes, as the data set does, and never crops."""
    if size is None or rgb.shape[:2] == size:
        return rgb
    shrinking = rgb.shape[0] * rgb.shape[1] > size[0] * size[1]
    how = cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(rgb, (size[1], size[0]), interpolation=how), dtype=np.uint8)


def _clean(mask: Mask, parameters: Parameters) -> tuple[Mask, int]:
    """Remove objects and holes under the least area and the scale bar's corner; return the mask and its object count."""
    height, width = mask.shape
    least = parameters.min_object * height * width / SIZE**2
    corner = np.zeros(mask.shape, dtype=bool)
    if parameters.clear_scale_bar:
        corner[height - round(SCALE_BAR[0] * height / SIZE) :, width - round(SCALE_BAR[1] * width / SIZE) :] = True
    kept = at_least(mask & ~corner, least, connectivity=8)
    # The cleared corner is no hole, however large a hole may be.
    kept = ~at_least(~kept, least, connectivity=4) & ~corner
    return kept, parts(kept, connectivity=8)[0]


def _shown(value: NDArray[np.generic]) -> Image:
    """A step as an image: masks 0/255, cluster numbers spread over the grey range."""
    if value.dtype == np.bool_:
        return value.astype(np.uint8) * np.uint8(255)
    if value.ndim == 2 and value.max() < 8:
        return (value.astype(np.uint16) * 255 // max(int(value.max()), 1)).astype(np.uint8)
    return np.asarray(value, dtype=np.uint8)
