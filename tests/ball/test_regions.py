from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage
from skimage.morphology import remove_small_objects

from ball.regions import Connectivity, at_least, boxes, filled, parts, squared_distance, touching

SIDES = {4: None, 8: np.ones((3, 3))}


@st.composite
def masks(draw: st.DrawFn) -> NDArray[np.bool_]:
    """Of any size: noise, or blobs."""
    shape, seed = (draw(st.integers(1, 40)), draw(st.integers(1, 40))), draw(st.integers(0, 2**32 - 1))
    noise = np.random.default_rng(seed).random(shape)
    blurred = ndimage.gaussian_filter(noise, draw(st.sampled_from([0.0, 1.0, 2.5])))
    return np.asarray(blurred < draw(st.floats(0, 1)))


@pytest.mark.parametrize("connectivity", [4, 8])
@settings(max_examples=40, deadline=None)
@given(mask=masks())
def test_parts_are_numbered_as_scipy_numbers_them(connectivity: Connectivity, mask: NDArray[np.bool_]) -> None:
    expected, count = ndimage.label(mask, SIDES[connectivity])
    found, marks = parts(mask, connectivity)
    assert found == count
    np.testing.assert_array_equal(marks, expected)


@settings(max_examples=40, deadline=None)
@given(masks(), st.integers(0, 30))
def test_small_objects_are_those_that_scikit_image_removes(mask: NDArray[np.bool_], area: int) -> None:
    np.testing.assert_array_equal(at_least(mask, area + 1, connectivity=4), remove_small_objects(mask, max_size=area))


@settings(max_examples=60, deadline=None)
@given(masks())
def test_holes_are_what_scipy_takes_for_holes(mask: NDArray[np.bool_]) -> None:
    np.testing.assert_array_equal(filled(mask), ndimage.binary_fill_holes(mask))


@settings(max_examples=40, deadline=None)
@given(masks())
def test_distances_are_scipys(mask: NDArray[np.bool_]) -> None:
    expected = np.rint(ndimage.distance_transform_edt(~mask) ** 2) if mask.any() else np.full(mask.shape, np.inf)
    np.testing.assert_array_equal(squared_distance(mask), expected)


def test_only_parts_that_share_a_pixel_with_the_seed_are_kept() -> None:
    mask = np.array([[1, 1, 0, 1], [0, 0, 1, 0], [1, 0, 1, 1]], dtype=bool)
    seed = np.zeros_like(mask)
    seed[0, 0] = seed[1, 1] = seed[2, 3] = True
    np.testing.assert_array_equal(touching(mask, seed), np.array([[1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 1, 1]], dtype=bool))
    assert not touching(mask, np.zeros_like(mask)).any()


def test_boxes_stay_within_the_picture_and_pass_over_numbers_that_are_not_there() -> None:
    marks = np.zeros((6, 8), dtype=np.int32)
    marks[1:3, 0:2], marks[4, 5] = 1, 3
    assert boxes(marks) == [(1, (slice(1, 3), slice(0, 2))), (3, (slice(4, 5), slice(5, 6)))]
    assert boxes(marks, 2) == [(1, (slice(0, 5), slice(0, 4))), (3, (slice(2, 6), slice(3, 8)))]
