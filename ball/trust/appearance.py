"""What a field looks like, in plain figures: stain, light, nuclei, sharpness. No network takes part.

The networks see masked nuclei, and masking hides what a photograph of a desk is. So the gate looks at the whole field as
it was segmented, and its figures stay valid when weights are replaced.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ball.histograms import Counts, histograms, mean_and_spread, percentiles
from ball.perturb import jpeg
from ball.segmentation import SIZE, Segmentation, segment

GROUPS: Final[Mapping[str, str]] = {
    "stain": "the colour of the stain",
    "light": "the brightness or background",
    "nuclei": "the size, number or shape of the nuclei",
    "texture": "the sharpness or structure",
}
"""What the figures describe, and how a reason names it."""

Floats = NDArray[np.float64]
Image = NDArray[np.uint8]
Mask = NDArray[np.bool_]

_OCTAVES: Final = 5
_OCTAVES_INSIDE: Final = 2
_LEVELS: Final = (5, 25, 50, 75, 95)
_LEAST: Final = 1e-3


@dataclass(frozen=True)
class Appearance:
    """The figures of one field, as named in `NAMES` and grouped as in `GROUP_OF`. ``values`` is (len(NAMES),)."""

    values: Floats

    def group(self, name: str) -> Floats:
        """The figures of one group."""
        return self.values[[of == name for of in GROUP_OF]]


ORIGINAL: Final = (768, 1024)
"""Height and width of the camera's fields that those of training are copies of."""

QUALITY: Final = 95
"""JPEG quality of the copies."""


def described(rgb: Image, segmentation: Segmentation) -> Appearance:
    """Describe a field of any size by what it would be as a copy like those of training.

    Those were taken down from `ORIGINAL` between pixels, not by area, and compressed. The networks hardly notice, but grain and the
    edges of a mask come out otherwise, and a field as the camera gives it would look stranger than its own copy
    (`python -m ball audit` holds the five originals at hand against theirs).

    Args:
        rgb: (H, W, 3) uint8, as it was decoded.
        segmentation: of it, at the size that the networks see.
    """
    return describe(segmentation if rgb.shape[:2] == (SIZE, SIZE) else segment(_copied(rgb)))


def _copied(rgb: Image) -> Image:
    # Halved by area until it is about as large as those the copies were made from: at 12 megapixels an eighth of the time of one step.
    while rgb.size > 2 * 3 * ORIGINAL[0] * ORIGINAL[1] and min(rgb.shape[:2]) > 1:
        height, width = rgb.shape[0] // 2, rgb.shape[1] // 2
        rgb = np.asarray(cv2.resize(rgb[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return jpeg(np.asarray(cv2.resize(rgb, (SIZE, SIZE), interpolation=cv2.INTER_LINEAR), dtype=np.uint8), QUALITY)


def describe(segmentation: Segmentation) -> Appearance:
    """Describe a segmented field, whatever its size."""
    mask, lab = segmentation.mask, segmentation.lab
    inside, outside = _within(lab, mask), _within(lab, ~mask)
    found = {**_stain(lab, inside, outside), **_light(segmentation.resized, inside[0], outside[0]), **_nuclei(mask)}
    found |= _texture(lab[:, :, 0], mask)
    return Appearance(np.array([found[name] for name in NAMES]))


def _stain(lab: Image, inside: Counts, outside: Counts) -> dict[str, float]:
    """Colour of background and nuclei, and how the channels go together; from (3, 256) counts within and without the mask."""
    found: dict[str, float] = {}
    for index, channel in ((1, "a"), (2, "b")):
        levels = percentiles(outside[index], (5, 50, 95))
        found |= {f"background {channel} {level}": value for level, value in zip((5, 50, 95), levels, strict=True)}
        found[f"nuclei {channel} mean"], found[f"nuclei {channel} spread"] = mean_and_spread(inside[index])
    together = _correlations(lab[::2, ::2].reshape(-1, 3).astype(np.float64))
    return found | {"L with a": float(together[0, 1]), "L with b": float(together[0, 2]), "a with b": float(together[1, 2])}


def _correlations(pixels: Floats) -> Floats:
    """(3, 3) correlations of the channels of pixels (n, 3); none where a channel does not vary."""
    total = pixels.sum(axis=0)
    # Sums of whole numbers: nothing is lost where the means are taken off at the end.
    varying = len(pixels) * (pixels.T @ pixels) - np.outer(total, total)
    spread = np.sqrt(np.maximum(varying.diagonal(), 0))
    if not (spread > _LEAST * len(pixels)).all():
        return np.zeros((3, 3))
    return np.asarray(varying / np.outer(spread, spread))


def _light(rgb: Image, inside: Counts, outside: Counts) -> dict[str, float]:
    """Brightness of background and nuclei, from (256,) counts of the lightness, and what is burnt out or drowned."""
    levels = zip(_LEVELS, percentiles(outside, _LEVELS), strict=True)
    found = {f"background L {level}": value for level, value in levels}
    found["nuclei L mean"], found["nuclei L spread"] = mean_and_spread(inside)
    found["contrast"] = mean_and_spread(outside)[0] - found["nuclei L mean"]
    return found | {"burnt out": _logged(_share(rgb, 250, 255)), "drowned": _logged(_share(rgb, 0, 10))}


def _share(rgb: Image, low: int, high: int) -> float:
    """Share of the pixels with all three channels from ``low`` to ``high``."""
    within = cv2.inRange(rgb, (low, low, low), (high, high, high))
    return float(np.count_nonzero(within) / within.size)


def _nuclei(mask: Mask) -> dict[str, float]:
    """How many objects, how large (as shares of the field) and how round: medians, and the largest.

    Counted here and not taken from the cells of the reading: these figures must mean what they meant when the bank was made.
    """
    outlines, _ = cv2.findContours(mask.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    area = np.array([cv2.contourArea(line) + 1 for line in outlines] or [1.0])
    around = np.array([cv2.arcLength(line, closed=True) + 1 for line in outlines] or [4.0])
    hull = np.array([cv2.contourArea(cv2.convexHull(line)) + 1 for line in outlines] or [1.0])
    return {
        "count": float(np.log1p(len(outlines))),
        "covered": _logged(float(mask.mean())),
        "median area": _logged(float(np.median(area)) / mask.size),
        "largest area": _logged(float(area.max()) / mask.size),
        "area spread": float(np.log(area).std()),
        "circularity": float(np.median(4 * np.pi * area / around**2)),
        "solidity": float(np.median(area / hull)),
    }


def _texture(light: Image, mask: Mask) -> dict[str, float]:
    """Energy of the lightness from fine to coarse, an octave a band, and of the finest inside the nuclei."""
    found: dict[str, float] = {}
    fine = light.astype(np.float32)
    for octave in range(_OCTAVES):
        coarse = cv2.pyrDown(fine)
        band = fine - cv2.resize(cv2.pyrUp(coarse), fine.shape[::-1])
        found[f"octave {octave}"] = _logged(_spread(band))
        if octave < _OCTAVES_INSIDE:
            on = np.asarray(cv2.resize(mask.view(np.uint8), fine.shape[::-1], interpolation=cv2.INTER_NEAREST), dtype=np.uint8)
            found[f"octave {octave} in nuclei"] = _logged(_spread(band, on if on.any() else None))
        if octave == 1:
            size = np.abs(band)
            found["edges"] = _logged(float(np.percentile(size, 95) / (size.mean() + _LEAST)))
        fine = np.asarray(coarse, dtype=np.float32)
    return found


def _spread(band: NDArray[np.float32], on: Image | None = None) -> float:
    """Standard deviation of a band, or of it where ``on`` is not 0."""
    return float(cv2.meanStdDev(band, mask=on)[1].item())


def _within(lab: Image, mask: Mask) -> Counts:
    """(3, 256) counts of the pixels of a mask; of all where it is empty."""
    return histograms(lab, mask if mask.any() else None)


def _logged(value: float) -> float:
    return float(np.log(value + _LEAST))


def _names() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of the figures and of their groups, as the functions above give them for a blank field."""
    blank, mask = np.zeros((64, 64, 3), np.uint8), np.zeros((64, 64), np.bool_)
    counts = histograms(blank)
    parts = {
        "stain": _stain(blank, counts, counts),
        "light": _light(blank, counts[0], counts[0]),
        "nuclei": _nuclei(mask),
        "texture": _texture(blank[:, :, 0], mask),
    }
    pairs = [(name, group) for group, found in parts.items() for name in found]
    return tuple(name for name, _ in pairs), tuple(group for _, group in pairs)


NAMES, GROUP_OF = _names()
"""Name of every figure, and the group that it belongs to."""
