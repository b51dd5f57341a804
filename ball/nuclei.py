"""Nuclei and whole cells outlined beside the paper's mask, and touching nuclei told apart.

The paper's mask says where stained cells are; around each of its objects, the seeds, the pixels are clustered anew.
Nuclei are the darkest of four clusters of a channel that sets purple apart from grey; whole cells are all but the
brightest of three clusters of green, with red cells held off by colour where there are any. Every clustering is k-means
solved exactly on a histogram. `python -m benchmarks.masks` measures the settings on hand-drawn masks, in folds.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.segmentation import watershed

from ball.kmeans import kmeans_histograms
from ball.regions import Box, Labels, Mask, at_least, boxes, filled, parts, squared_distance, touching, wider

Image = NDArray[np.uint8]
Channel = NDArray[np.float32]
Channel64 = NDArray[np.float64]

_APART: Final = 0.6
"""Least distance of two centres of one object, as a share of the radius of its thickest part."""

_TOGETHER: Final = 64
"""Windows that are clustered at once: more gain no time, and a field of noise has thousands."""

_NECK: Final = 0.9
"""Two centres are two nuclei where the object is thinner than this share of the thinner one on the line between them."""


@dataclass(frozen=True)
class Settings:
    """How to refine. Lengths are shares of the usual diameter of a seed, areas of its area.

    Attributes:
        purple: weight of blue less green beside green turned round, in the channel that outlines nuclei.
        smooth: deviation of the Gaussian blur before clustering.
        margin: how far around a seed its window reaches.
        apart: least distance of the two darkest centres, as a share of the span of all four; nearer ones are both
            nucleus, so that pale and dark chromatin stay together.
        least: least area of a part of a nucleus, and of a hole in it.
        speck: a seed smaller than this and without a dark part of the least area is debris, not a nucleus.
        reach: how far cytoplasm may lie from the nucleus.
        grey: share of the dark pixels that must lie out of reach of all seeds for red cells to be held off.
        stain: where they are, how far a* of cytoplasm must lie from the background's towards the nucleus'.
    """

    purple: float = 2.0
    smooth: float = 0.02
    margin: float = 0.7
    apart: float = 0.25
    least: float = 0.04
    speck: float = 0.25
    reach: float = 0.6
    grey: float = 0.15
    stain: float = 0.15


@dataclass(frozen=True)
class Refined:
    """Masks (H, W) bool: ``nuclei``, and ``cells``, which holds them and their cytoplasm."""

    nuclei: Mask
    cells: Mask


def refine(rgb: Image, seeds: Mask, settings: Settings | None = None) -> Refined:
    """Outline the nucleus and the whole cell around each object of a mask.

    Args:
        rgb: (H, W, 3) uint8.
        seeds: (H, W) bool, the paper's mask; empty gives empty masks.
        settings: None for the defaults.

    Raises:
        ValueError: the mask has another height or width than the picture.
    """
    if rgb.shape[:2] != seeds.shape:
        raise ValueError(f"expected a mask of {rgb.shape[:2]}, got {seeds.shape}")
    if not seeds.any():
        return Refined(seeds.copy(), seeds.copy())
    how = settings or Settings()
    _, marks = parts(seeds, connectivity=8)
    diameter = _usual_diameter(np.bincount(marks[seeds])[1:])
    blurred = cv2.GaussianBlur(rgb, (0, 0), max(how.smooth * diameter, 0.3)).astype(np.float32)
    squared = squared_distance(seeds)
    nuclei = _nuclei(blurred, marks, squared, diameter, how)
    return Refined(nuclei > 0, _cells(blurred, nuclei, squared > (how.reach * diameter) ** 2, diameter, how))


def split(nuclei: Mask, aspect: float = 1.0) -> Labels:
    """Tell touching nuclei apart by a watershed on the distance to their edge.

    Args:
        nuclei: (H, W) bool.
        aspect: how much wider a pixel is than high; distances are those of the unsqueezed field.

    Returns:
        (H, W) int32: 0 outside and 1, 2, ... on the nuclei.
    """
    _, marks = parts(nuclei, connectivity=8)
    objects = boxes(marks)
    distance = _depth(marks, objects, aspect)
    labels = np.zeros(nuclei.shape, dtype=np.int32)
    count = 0
    for number, box in objects:
        own = marks[box] == number
        centres = _centres(distance[box], own)
        labels[box] += _parted(distance[box], own, centres, count)
        count += len(centres)
    return labels


def _depth(marks: Labels, objects: list[tuple[int, Box]], aspect: float) -> Channel64:
    """Distance from every pixel of the objects to their edge, smoothed a little; of one after the other, since most of a field is none."""
    depth = np.zeros(marks.shape)
    for number, box in objects:
        # So that the edge lies within; where the picture ends there is none.
        within = wider(box, 1, marks.shape)
        depth[within] += ndimage.distance_transform_edt(marks[within] == number, sampling=(1.0, aspect))
    return np.asarray(ndimage.gaussian_filter(depth, 1.0))


def _parted(distance: Channel64, own: Mask, centres: list[tuple[int, int]], before: int) -> Labels:
    """One object shared out among its centres, numbered from ``before`` + 1; 0 where no centre is reached step by step to a side."""
    markers = np.zeros(own.shape, dtype=np.int32)
    for number, (row, column) in enumerate(centres, start=before + 1):
        markers[row, column] = number
    if len(centres) == 1:
        return np.where(touching(own, markers > 0), np.int32(before + 1), np.int32(0))
    return np.asarray(watershed(-distance, markers, mask=own), dtype=np.int32)  # type: ignore[no-untyped-call]


def _centres(distance: Channel64, own: Mask) -> list[tuple[int, int]]:
    """Centres of the nuclei in one object, the thickest first, each parted from those before it by a neck."""
    inside = np.where(own, distance, 0.0)
    kept: list[tuple[int, int]] = []
    for row, column in _peaks(inside, max(2, round(_APART * float(inside.max())))):
        if all(_neck(inside, (row, column), other) < _NECK * inside[row, column] for other in kept):
            kept.append((row, column))
    return kept


def _peaks(inside: Channel64, apart: int) -> list[tuple[int, int]]:
    """The pixels that nothing within ``apart`` to a side exceeds, the highest first; of equal ones that near, the first.

    What scikit-image's `peak_local_max` finds.
    """
    highest = cv2.dilate(inside, np.ones((2 * apart + 1, 2 * apart + 1), dtype=np.uint8))
    rows, columns = np.nonzero((inside == highest) & (inside > 0))
    order = np.argsort(-inside[rows, columns], kind="stable")
    kept: list[tuple[int, int]] = []
    for row, column in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
        if all(max(abs(row - other[0]), abs(column - other[1])) >= apart for other in kept):
            kept.append((row, column))
    return kept


def _neck(distance: Channel64, first: tuple[int, int], second: tuple[int, int]) -> float:
    """Least distance to the edge on the straight line between two points."""
    steps = max(abs(first[0] - second[0]), abs(first[1] - second[1])) + 1
    rows, columns = (np.linspace(first[axis], second[axis], steps).round().astype(int) for axis in (0, 1))
    return float(distance[rows, columns].min())


def _usual_diameter(areas: NDArray[np.integer]) -> float:
    """Diameter of the object that holds the middle pixel of all objects: specks, however many, hardly count."""
    ordered = np.sort(areas)
    middle = int(np.searchsorted(np.cumsum(ordered), ordered.sum() / 2))
    return float(2 * np.sqrt(ordered[middle] / np.pi))


def _nuclei(blurred: Channel, marks: Labels, squared: Channel, diameter: float, how: Settings) -> Labels:
    """The nuclei, numbered as the seeds they belong to; ``squared`` is the squared distance to the nearest seed."""
    channel = 255 - blurred[:, :, 1] + how.purple * (blurred[:, :, 2] - blurred[:, :, 1])
    windows = boxes(marks, round(how.margin * diameter))
    nearest = _nearest(marks, squared, windows)
    area = np.pi / 4 * diameter**2
    nuclei = np.zeros(marks.shape, dtype=np.int32)
    for (number, box), (table, centres) in zip(windows, _clustered([channel[box] for _, box in windows], 4), strict=True):
        seed = marks[box] == number
        level = len(centres) - 1
        if level > 1 and centres[-1] - centres[-2] < how.apart * (centres[-1] - centres[0]):
            level -= 1
        nucleus = _tidied(touching((table >= level) & (nearest[box] == number), seed), how.least * area)
        if not nucleus.any() and seed.sum() >= how.speck * area:
            nucleus = seed
        nuclei[box][nucleus] = number
    return nuclei


def _cells(blurred: Channel, nuclei: Labels, far: Mask, diameter: float, how: Settings) -> Mask:
    """Nuclei with their cytoplasm; ``far`` is what lies out of reach of every seed."""
    dark = 255 - blurred[:, :, 1]
    windows = boxes(nuclei, round(how.margin * diameter))
    bodies = (found > 0 for found, _ in _clustered([dark, *(dark[box] for _, box in windows)], 3))
    everywhere = next(bodies)
    red_cells = (everywhere & far).sum() > how.grey * everywhere.sum()
    a_star = _a_star(blurred) if red_cells else None
    cells = nuclei > 0
    squared = squared_distance(cells)
    near = squared <= (how.reach * diameter) ** 2
    nearest = _nearest(nuclei, squared, windows)
    for (number, box), body in zip(windows, bodies, strict=True):
        nucleus = nuclei[box] == number
        if a_star is not None and not body.all():
            back, front = _median(a_star[box][~body]), _median(a_star[box][nucleus])
            body &= a_star[box] - back > how.stain * (front - back)
        own = nearest[box] == number
        cells[box] |= filled(touching((body & near[box] & own) | nucleus, nucleus)) & own
    return cells


def _clustered(channels: Sequence[Channel], clusters: int) -> Iterator[tuple[Image, list[float]]]:
    """Clusters of channels, each brought to 64 levels first (a quarter of the values, a sixteenth of the work), and their centres."""
    for first in range(0, len(channels), _TOGETHER):
        levels = [_levels(channel) for channel in channels[first : first + _TOGETHER]]
        counts = np.stack([np.bincount(each.ravel(), minlength=256) for each in levels])
        for each, (table, centres) in zip(levels, kmeans_histograms(counts, clusters), strict=True):
            yield np.asarray(cv2.LUT(each, table), dtype=np.uint8), centres


def _levels(channel: Channel) -> Image:
    low, high = float(channel.min()), float(channel.max())
    return np.asarray((channel - low) * (63 / max(high - low, 1e-6)), dtype=np.uint8)


def _a_star(blurred: Channel) -> Channel:
    return np.asarray(cv2.cvtColor(blurred / 255, cv2.COLOR_RGB2LAB)[:, :, 1], dtype=np.float32)


def _median(values: Channel) -> float:
    """As `np.median`, of which the arithmetic is a small part where there are few values."""
    middle = len(values) // 2
    ordered = np.partition(values, (max(middle - 1, 0), middle))
    return float(ordered[middle] if len(values) % 2 else (ordered[middle - 1] + ordered[middle]) / 2)


def _tidied(mask: Mask, area: float) -> Mask:
    """A mask without parts and holes of up to an area in pixels."""
    more = int(area) + 1
    return ~at_least(~at_least(mask, more, connectivity=4), more, connectivity=4)


def _nearest(marks: Labels, squared: Channel, windows: list[tuple[int, Box]]) -> Labels:
    """For every pixel in the window of its nearest object that object's number; elsewhere 0.

    Args:
        marks: (H, W) numbered objects.
        squared: (H, W) squared distance to the nearest of them all.
        windows: number and box of every object.
    """
    nearest, tied = np.zeros_like(marks), np.zeros(marks.shape, dtype=bool)
    for number, box in windows:
        mine = squared_distance(marks[box] == number) == squared[box]
        tied[box] |= mine & (nearest[box] > 0)
        nearest[box][mine] = number
    for place in np.flatnonzero(tied).tolist():
        row, column = divmod(place, marks.shape[1])
        nearest[row, column] = _leftmost(marks, row, column, int(squared[row, column]))
    return nearest


def _leftmost(marks: Labels, row: int, column: int, squared: int) -> int:
    """Number of the object that has the leftmost, then topmost, of all pixels at a squared distance; 0 where none has one."""
    for down, across in _at(squared):
        at = row + down, column + across
        if 0 <= at[0] < marks.shape[0] and 0 <= at[1] < marks.shape[1] and marks[at]:
            return int(marks[at])
    return 0


@lru_cache(4096)
def _at(squared: int) -> tuple[tuple[int, int], ...]:
    """Every step down and across of this squared length, the leftmost first, of two the upper one."""
    longest = math.isqrt(squared)
    reached = ((math.isqrt(squared - across**2), across) for across in range(-longest, longest + 1))
    return tuple((sign * down, across) for down, across in reached if down**2 + across**2 == squared for sign in (-1, 1))
