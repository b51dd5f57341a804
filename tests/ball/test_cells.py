from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ball.cells import FIELD_ASPECT, MAX_ASPECT, measure


def drawn(shape: tuple[int, int], *ellipses: tuple[int, int, int, int]) -> NDArray[np.bool_]:
    """A mask with filled ellipses: centre x, y and half axes x, y."""
    canvas = np.zeros(shape, dtype=np.uint8)
    for x, y, half_x, half_y in ellipses:
        cv2.ellipse(canvas, (x, y), (half_x, half_y), 0, 0, 360, 1, -1)
    return canvas.astype(bool)


def test_an_empty_mask_has_no_cell() -> None:
    assert measure(np.zeros((224, 224), dtype=bool), (224, 224)) == ()


def test_discs_are_counted_and_measured() -> None:
    cells = measure(drawn((300, 400), (80, 60, 20, 20), (300, 200, 35, 35)), (300, 400))
    assert [cell.number for cell in cells] == [1, 2]
    for cell, radius in zip(cells, (20, 35), strict=True):
        assert cell.area == pytest.approx(math.pi * radius**2, rel=0.05)
        assert cell.diameter == pytest.approx(2 * radius, rel=0.03)
        assert cell.circularity > 0.85
        assert cell.eccentricity < 0.2
        assert cell.solidity > 0.95
        assert cell.aspect == pytest.approx(4 / 3)
        assert not cell.at_border
    assert (cells[0].x, cells[0].y) == pytest.approx((80.5 / 400, 60.5 / 300), abs=1e-3)
    assert (cells[1].x, cells[1].y) == pytest.approx((300.5 / 400, 200.5 / 300), abs=1e-3)


def test_a_long_ellipse_is_neither_round_nor_taken_for_a_disc() -> None:
    (cell,) = measure(drawn((300, 400), (200, 150, 90, 30)), (300, 400))
    assert cell.area == pytest.approx(math.pi * 90 * 30, rel=0.05)
    assert cell.eccentricity == pytest.approx(math.sqrt(1 - (30 / 90) ** 2), abs=0.02)
    assert cell.circularity < 0.8


def test_a_square_field_is_unsqueezed_so_that_nuclei_are_round_again() -> None:
    squeezed = drawn((224, 224), (100, 120, 30, 40))
    (as_four_to_three,) = measure(squeezed, (224, 224))
    (as_square,) = measure(squeezed, (224, 224), aspect=1.0)
    assert as_four_to_three.aspect == FIELD_ASPECT
    assert as_four_to_three.eccentricity < 0.2 < 0.6 < as_square.eccentricity
    assert as_four_to_three.diameter == pytest.approx(80, rel=0.03)
    assert as_four_to_three.area == pytest.approx(as_square.area * 4 / 3, rel=0.02)
    assert (as_four_to_three.x, as_four_to_three.y) == pytest.approx((as_square.x, as_square.y), abs=0.003)


def test_a_camera_field_keeps_its_own_aspect_though_its_mask_is_square() -> None:
    mask = drawn((224, 224), (100, 120, 20, 40))
    (cell,) = measure(mask, (400, 800))
    assert cell.aspect == 2.0
    assert cell.diameter == pytest.approx(80, rel=0.03)


def test_an_upright_field_is_measured_at_the_height_of_its_mask() -> None:
    (cell,) = measure(drawn((200, 200), (100, 100, 60, 30)), (400, 200))
    assert cell.aspect == 0.5
    assert cell.diameter == pytest.approx(60, rel=0.03)
    assert cell.area == pytest.approx(math.pi * 30**2, rel=0.05)
    assert cell.eccentricity < 0.2


@pytest.mark.parametrize("centre", [(0, 100), (223, 100), (100, 0), (100, 223)])
def test_a_cell_cut_by_the_border_says_so(centre: tuple[int, int]) -> None:
    cells = measure(drawn((224, 224), (*centre, 15, 20), (110, 110, 10, 10)), (224, 224))
    assert sorted(cell.at_border for cell in cells) == [False, True]


def test_objects_that_touch_at_a_corner_are_one() -> None:
    mask = np.zeros((20, 20), dtype=bool)
    mask[2:6, 2:6] = mask[6:10, 6:10] = True
    assert len(measure(mask, (20, 20))) == 1


def test_numbers_run_from_the_top_left() -> None:
    cells = measure(drawn((224, 224), (150, 30, 9, 9), (40, 90, 9, 9), (120, 180, 9, 9)), (224, 224))
    assert [cell.number for cell in cells] == [1, 2, 3]
    assert [cell.y for cell in cells] == sorted(cell.y for cell in cells)


@pytest.mark.parametrize("aspect", [0, -1.5, math.nan])
def test_an_impossible_aspect_is_refused(aspect: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        measure(np.ones((5, 5), dtype=bool), (5, 5), aspect)


@pytest.mark.parametrize("field_shape", [(1, 1_000_000), (1_000_000, 1)])
def test_a_strip_is_not_stretched_to_its_full_length(field_shape: tuple[int, int]) -> None:
    (cell,) = measure(drawn((224, 224), (100, 120, 30, 40)), field_shape)
    assert cell.aspect in (MAX_ASPECT, 1 / MAX_ASPECT)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.125, 8))
def test_the_count_does_not_depend_on_the_aspect(seed: int, aspect: float) -> None:
    mask = np.random.default_rng(seed).random((24, 32)) > 0.75
    cells = measure(mask, (24, 32), aspect)
    assert [cell.number for cell in cells] == list(range(1, cv2.connectedComponents(mask.astype(np.uint8))[0]))
    assert all(0 < cell.x < 1 and 0 < cell.y < 1 and cell.area >= 1 and 0 <= cell.circularity <= 1 for cell in cells)
