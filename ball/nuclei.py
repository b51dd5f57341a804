"""Nuclei and whole cells outlined beside the paper's mask, and touching nuclei told apart.

The paper's mask says where stained cells are; around each of its objects, the seeds, the pixels are clustered anew.
Nuclei are the darkest of four clusters of a channel that sets purple apart from grey; whole cells are all but the
brightest of three clusters of green, with red cells held off by colour where there are any. Every clustering is k-means
solved exactly on a histogram. `python -m benchmarks.masks` measures the settings on hand-drawn masks, in folds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.feature import peak_local_max
from skimage.morphology import remove_small_holes, remove_small_objects
from skimage.segmentation import watershed

from ball.kmeans import kmeans_histogram

Image = NDArray[np.uint8]
Channel = NDArray[np.float32]
Mask = NDArray[np.bool_]
Labels = NDArray[np.int32]
Box = tuple[slice, slice]

_APART: Final = 0.6
"""Least distance of two centres of one object, as a share of the radius of its thickest part."""

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
    marks, _ = ndimage.label(seeds, structure=np.ones((3, 3)))
    diameter = _usual_diameter(np.bincount(marks[seeds])[1:])
    blurred = cv2.GaussianBlur(rgb, (0, 0), max(how.smooth * diameter, 0.3)).astype(np.float32)
    nuclei = _nuclei(blurred, marks, diameter, how)
    return Refined(nuclei > 0, _cells(blurred, nuclei, seeds, diameter, how))


def split(nuclei: Mask, aspect: float = 1.0) -> Labels:
    """Tell touching nuclei apart by a watershed on the distance to their edge.

    Args:
        nuclei: (H, W) bool.
        aspect: how much wider a pixel is than high; distances are those of the unsqueezed field.

    Returns:
        (H, W) int32: 0 outside and 1, 2, ... on the nuclei.
    """
    marks, _ = ndimage.label(nuclei, structure=np.ones((3, 3)))
    distance = ndimage.gaussian_filter(ndimage.distance_transform_edt(nuclei, sampling=(1.0, aspect)), 1.0)
    markers = np.zeros(nuclei.shape, dtype=np.int32)
    count = 0
    for number, box in enumerate(ndimage.find_objects(marks), start=1):
        for row, column in _centres(distance[box], marks[box] == number):
            count += 1
            markers[box][row, column] = count
    return np.asarray(watershed(-distance, markers, mask=nuclei), dtype=np.int32)  # type: ignore[no-untyped-call]


def _centres(distance: NDArray[np.float64], own: Mask) -> list[tuple[int, int]]:
    """Centres of the nuclei in one object, the thickest first, each parted from those before it by a neck."""
    apart = max(2, round(_APART * float(distance[own].max())))
    inside = np.where(own, distance, 0.0)
    peaks = peak_local_max(inside, min_distance=apart, labels=own.astype(np.int32), exclude_border=False)  # type: ignore[no-untyped-call]
    if not len(peaks):
        peaks = [np.unravel_index(int(inside.argmax()), inside.shape)]
    kept: list[tuple[int, int]] = []
    for row, column in peaks:
        if all(_neck(inside, (row, column), other) < _NECK * inside[row, column] for other in kept):
            kept.append((int(row), int(column)))
    return kept


def _neck(distance: NDArray[np.float64], first: tuple[int, int], second: tuple[int, int]) -> float:
    """Least distance to the edge on the straight line between two points."""
    steps = max(abs(first[0] - second[0]), abs(first[1] - second[1])) + 1
    rows, columns = (np.linspace(first[axis], second[axis], steps).round().astype(int) for axis in (0, 1))
    return float(distance[rows, columns].min())


def _usual_diameter(areas: NDArray[np.integer]) -> float:
    """Diameter of the object that holds the middle pixel of all objects: specks, however many, hardly count."""
    ordered = np.sort(areas)
    middle = int(np.searchsorted(np.cumsum(ordered), ordered.sum() / 2))
    return float(2 * np.sqrt(ordered[middle] / np.pi))


def _nuclei(blurred: Channel, marks: Labels, diameter: float, how: Settings) -> Labels:
    """The nuclei, numbered as the seeds they belong to."""
    channel = 255 - blurred[:, :, 1] + how.purple * (blurred[:, :, 2] - blurred[:, :, 1])
    nearest = _nearest(marks)
    area = np.pi / 4 * diameter**2
    nuclei = np.zeros(marks.shape, dtype=np.int32)
    for number, box in _windows(marks, how.margin * diameter):
        seed = marks[box] == number
        table, centres = _clustered(channel[box], 4)
        level = len(centres) - 1
        if level > 1 and centres[-1] - centres[-2] < how.apart * (centres[-1] - centres[0]):
            level -= 1
        nucleus = _tidied(_touching((table >= level) & (nearest[box] == number), seed), how.least * area)
        if not nucleus.any() and seed.sum() >= how.speck * area:
            nucleus = seed
        nuclei[box][nucleus] = number
    return nuclei


def _cells(blurred: Channel, nuclei: Labels, seeds: Mask, diameter: float, how: Settings) -> Mask:
    """Nuclei with their cytoplasm."""
    nearest = _nearest(nuclei)
    dark = 255 - blurred[:, :, 1]
    a_star = cv2.cvtColor(blurred / 255, cv2.COLOR_RGB2LAB)[:, :, 1]
    far = ndimage.distance_transform_edt(~seeds) > how.reach * diameter
    everywhere = _clustered(dark, 3)[0] > 0
    red_cells = (everywhere & far).sum() > how.grey * everywhere.sum()
    cells = np.zeros(nuclei.shape, dtype=bool)
    for number, box in _windows(nuclei, how.margin * diameter):
        nucleus = nuclei[box] == number
        body = _clustered(dark[box], 3)[0] > 0
        if red_cells and not body.all():
            back, front = np.median(a_star[box][~body]), np.median(a_star[box][nucleus])
            body &= a_star[box] - back > how.stain * (front - back)
        near = ndimage.distance_transform_edt(~nucleus) <= how.reach * diameter
        own = nearest[box] == number
        cells[box] |= ndimage.binary_fill_holes(_touching((body & near & own) | nucleus, nucleus)) & own
    return cells | (nuclei > 0)


def _clustered(channel: Channel, clusters: int) -> tuple[Image, list[float]]:
    """Clusters of a channel, brought to 64 levels first: a quarter of the values, a sixteenth of the work."""
    low, high = float(channel.min()), float(channel.max())
    levels = ((channel - low) * (63 / max(high - low, 1e-6))).astype(np.uint8)
    table, centres = kmeans_histogram(np.bincount(levels.ravel(), minlength=256), clusters)
    return table[levels], centres


def _touching(mask: Mask, seed: Mask) -> Mask:
    """The connected parts of a mask that share a pixel with the seed."""
    marks, count = ndimage.label(mask)
    keep = np.zeros(count + 1, dtype=bool)
    keep[np.unique(marks[seed])] = True
    keep[0] = False
    return np.asarray(keep[marks], dtype=bool)


def _tidied(mask: Mask, area: float) -> Mask:
    """A mask without parts and holes of up to an area in pixels."""
    whole = remove_small_holes(remove_small_objects(mask, max_size=int(area)), max_size=int(area))
    return np.asarray(whole, dtype=bool)


def _nearest(marks: Labels) -> Labels:
    """For every pixel the number of the nearest object; 0 where there is none."""
    if not marks.any():
        return np.zeros_like(marks)
    _, (rows, columns) = ndimage.distance_transform_edt(marks == 0, return_indices=True)
    return np.asarray(marks[rows, columns], dtype=np.int32)


def _windows(marks: Labels, margin: float) -> list[tuple[int, Box]]:
    """Number and box of every object, the box wider by a margin within the picture."""
    wider = round(margin)

    def side(span: slice, size: int) -> slice:
        return slice(max(span.start - wider, 0), min(span.stop + wider, size))

    found = enumerate(ndimage.find_objects(marks), start=1)
    return [(number, (side(box[0], marks.shape[0]), side(box[1], marks.shape[1]))) for number, box in found if box is not None]
