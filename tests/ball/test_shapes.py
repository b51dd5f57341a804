"""Every value against scikit-image's regionprops, the definition: on drawn masks, on noise, and on nuclei of real fields."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage
from skimage.measure import regionprops

from ball.cells import label_nuclei
from ball.images import decode
from ball.nuclei import refine
from ball.segmentation import segment
from ball.shapes import shape_of


def assert_as_regionprops(labels: NDArray[np.integer]) -> None:
    """Areas, borders and hulls, which are counts of pixels, agree to the last digit that a float has."""
    for region in regionprops(labels):
        shape = shape_of(region.image)
        assert shape.area == region.area
        assert (shape.row, shape.column) == pytest.approx(region.centroid_local, abs=1e-12)
        assert shape.diameter == pytest.approx(region.equivalent_diameter_area, rel=1e-14)
        assert shape.perimeter == pytest.approx(region.perimeter, rel=1e-14)
        assert shape.solidity == pytest.approx(region.solidity, rel=1e-14)
        # A square root: near 0 an error of the last digit shows in the eighth.
        assert shape.eccentricity**2 == pytest.approx(region.eccentricity**2, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.4, 4.0))
def test_ragged_objects(seed: int, smooth: float) -> None:
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).random((40, 50)), smooth)
    assert_as_regionprops(ndimage.label(noise > np.median(noise), np.ones((3, 3)))[0])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 59), st.integers(0, 59)), min_size=1, max_size=6))
def test_polygons_lines_and_points(corners: list[tuple[int, int]]) -> None:
    canvas = np.zeros((60, 60), dtype=np.uint8)
    cv2.fillPoly(canvas, [np.array(corners, dtype=np.int32)], 1)
    assert_as_regionprops(canvas.astype(int))


@pytest.mark.parametrize("angle", range(0, 180, 15))
def test_ellipses_at_every_angle(angle: int) -> None:
    canvas = np.zeros((120, 120), dtype=np.uint8)
    cv2.ellipse(canvas, (60, 60), (45, 20), angle, 0, 360, 1, -1)
    assert_as_regionprops(canvas.astype(int))
    assert shape_of(canvas > 0).eccentricity == pytest.approx((1 - (20 / 45) ** 2) ** 0.5, abs=0.02)


def test_an_object_with_a_hole_and_one_in_two_parts() -> None:
    canvas = np.zeros((50, 60), dtype=int)
    canvas[5:25, 5:30], canvas[10:15, 10:20] = 1, 0
    canvas[35:40, 3:8] = canvas[42:48, 30:50] = 2
    assert_as_regionprops(canvas)


def test_an_empty_mask_has_no_shape() -> None:
    with pytest.raises(ValueError, match="empty mask"):
        shape_of(np.zeros((3, 3), dtype=bool))


@pytest.mark.data
@pytest.mark.parametrize("label", ["Benign", "Early", "Pre", "Pro"])
def test_nuclei_of_real_fields(data: Path, label: str) -> None:
    for path in sorted((data / "all" / label).iterdir())[::120][:4]:
        found = segment(decode(path.read_bytes()).rgb)
        assert_as_regionprops(label_nuclei(refine(found.resized, found.mask).nuclei, 4 / 3))
