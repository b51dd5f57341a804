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

from ball.segmentation import Segmentation

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


def describe(segmentation: Segmentation) -> Appearance:
    """Describe a segmented field, whatever its size."""
    mask = segmentation.mask
    found = {**_stain(segmentation.lab, mask), **_light(segmentation.resized, segmentation.lab, mask), **_nuclei(mask)}
    found |= _texture(segmentation.lab[:, :, 0], mask)
    return Appearance(np.array([found[name] for name in NAMES]))


def _stain(lab: Image, mask: Mask) -> dict[str, float]:
    """Colour of background and nuclei, and how the channels go together."""
    inside, outside = _within(lab, mask), _within(lab, ~mask)
    found: dict[str, float] = {}
    for index, channel in ((1, "a"), (2, "b")):
        levels = np.percentile(outside[:, index], (5, 50, 95))
        found |= {f"background {channel} {level}": float(value) for level, value in zip((5, 50, 95), levels, strict=True)}
        found[f"nuclei {channel} mean"] = float(inside[:, index].mean())
        found[f"nuclei {channel} spread"] = float(inside[:, index].std())
    pixels = lab[::2, ::2].reshape(-1, 3).astype(np.float32)
    together = np.asarray(np.corrcoef(pixels.T)) if (pixels.std(axis=0) > _LEAST).all() else np.zeros((3, 3))
    return found | {"L with a": float(together[0, 1]), "L with b": float(together[0, 2]), "a with b": float(together[1, 2])}


def _light(rgb: Image, lab: Image, mask: Mask) -> dict[str, float]:
    """Brightness of background and nuclei, and what is burnt out or drowned."""
    inside, outside = _within(lab, mask)[:, 0], _within(lab, ~mask)[:, 0]
    found = {f"background L {level}": float(value) for level, value in zip(_LEVELS, np.percentile(outside, _LEVELS), strict=True)}
    found |= {"nuclei L mean": float(inside.mean()), "nuclei L spread": float(inside.std())}
    found["contrast"] = float(outside.mean() - inside.mean())
    return found | {"burnt out": _logged(float((rgb.min(axis=2) >= 250).mean())), "drowned": _logged(float((rgb.max(axis=2) <= 10).mean()))}


def _nuclei(mask: Mask) -> dict[str, float]:
    """How many objects, how large (as shares of the field) and how round: medians, and the largest.

    Counted here and not taken from the cells of the reading: these figures must mean what they meant when the bank was made.
    """
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
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
        found[f"octave {octave}"] = _logged(float(band.std()))
        if octave < _OCTAVES_INSIDE:
            on = cv2.resize(mask.astype(np.uint8), fine.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
            found[f"octave {octave} in nuclei"] = _logged(float(_within(band, on).std()))
        if octave == 1:
            found["edges"] = _logged(float(np.percentile(np.abs(band), 95) / (np.abs(band).mean() + _LEAST)))
        fine = np.asarray(coarse, dtype=np.float32)
    return found


def _within(values: NDArray[np.generic], mask: Mask) -> NDArray[np.float32]:
    """The pixels of a mask; all of them where it is empty."""
    chosen = values[mask] if mask.any() else values.reshape(-1, *values.shape[2:])
    return chosen.astype(np.float32)


def _logged(value: float) -> float:
    return float(np.log(value + _LEAST))


def _names() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of the figures and of their groups, as the functions above give them for a blank field."""
    blank, mask = np.zeros((64, 64, 3), np.uint8), np.zeros((64, 64), np.bool_)
    parts = {
        "stain": _stain(blank, mask),
        "light": _light(blank, blank, mask),
        "nuclei": _nuclei(mask),
        "texture": _texture(blank[:, :, 0], mask),
    }
    pairs = [(name, group) for group, found in parts.items() for name in found]
    return tuple(name for name, _ in pairs), tuple(group for _, group in pairs)


NAMES, GROUP_OF = _names()
"""Name of every figure, and the group that it belongs to."""
