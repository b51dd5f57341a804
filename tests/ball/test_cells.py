from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ball.cells import FIELD_ASPECT, MAX_ASPECT, Cell, field_aspect, find_cells, label_nuclei, optical_density, summary, territories
from ball.segmentation import Parameters, segment


def drawn(shape: tuple[int, int], *ellipses: tuple[int, int, int, int]) -> NDArray[np.bool_]:
    """A mask with filled ellipses: centre x, y and half axes x, y."""
    canvas = np.zeros(shape, dtype=np.uint8)
    for x, y, half_x, half_y in ellipses:
        cv2.ellipse(canvas, (x, y), (half_x, half_y), 0, 0, 360, 1, -1)
    return canvas.astype(bool)


def painted(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """A field with purple nuclei where the mask is, on a pale background."""
    rgb = np.full((*mask.shape, 3), (238, 236, 240), dtype=np.uint8)
    rgb[mask] = (116, 62, 158)
    return rgb


def found(mask: NDArray[np.bool_], shape: tuple[int, int] | None = None, **options: float) -> tuple[Cell, ...]:
    segmentation = segment(painted(mask), Parameters(clear_scale_bar=False), size=None)
    return find_cells(segmentation, shape or mask.shape, **options)


def test_an_empty_mask_has_no_cell() -> None:
    assert found(np.zeros((224, 224), dtype=bool)) == ()
    assert summary(()) == {"count": 0, "at_border": 0, "aspect": None, "median": dict.fromkeys(summary(())["median"])}


def test_discs_are_counted_and_measured() -> None:
    cells = found(drawn((300, 400), (80, 60, 20, 20), (300, 200, 35, 35)))
    assert [cell.number for cell in cells] == [1, 2]
    for cell, radius in zip(cells, (20, 35), strict=True):
        assert cell.area == pytest.approx(math.pi * radius**2, rel=0.1)
        assert cell.diameter == pytest.approx(2 * radius, rel=0.06)
        assert cell.circularity > 0.85
        assert cell.eccentricity < 0.2
        assert cell.solidity > 0.95
        assert cell.aspect == pytest.approx(4 / 3)
        assert not cell.at_border
        assert 0.8 < cell.nucleus_to_cell <= 1
        assert len(cell.outline) > 8
    assert (cells[0].x, cells[0].y) == pytest.approx((80.5 / 400, 60.5 / 300), abs=2e-3)
    assert (cells[1].x, cells[1].y) == pytest.approx((300.5 / 400, 200.5 / 300), abs=2e-3)


def test_a_scale_gives_micrometres() -> None:
    (cell,) = found(drawn((300, 400), (200, 150, 30, 30)), scale=150.0)
    assert cell.micrometres == pytest.approx(cell.diameter * 150 / 300)
    assert found(drawn((300, 400), (200, 150, 30, 30)))[0].micrometres is None


def test_touching_nuclei_are_split_and_a_long_one_is_not() -> None:
    assert len(found(drawn((300, 400), (120, 150, 30, 30), (172, 150, 30, 30)))) == 2
    (cell,) = found(drawn((300, 400), (200, 150, 90, 30)))
    assert cell.area == pytest.approx(math.pi * 90 * 30, rel=0.1)
    assert cell.eccentricity == pytest.approx(math.sqrt(1 - (30 / 90) ** 2), abs=0.02)
    assert cell.circularity < 0.8


def test_cytoplasm_lowers_the_share_of_the_nucleus() -> None:
    mask, cell = drawn((300, 400), (200, 150, 30, 30)), drawn((300, 400), (200, 150, 42, 42))
    rgb = painted(mask)
    rgb[cell & ~mask] = (200, 160, 205)
    (one,) = find_cells(segment(rgb, Parameters(clear_scale_bar=False), size=None), (300, 400))
    assert one.nucleus_to_cell == pytest.approx((30 / 42) ** 2, abs=0.06)


def test_darker_nuclei_have_more_stain() -> None:
    disc = drawn((300, 400), (200, 150, 30, 30))
    light = painted(disc)
    dark = np.where(disc[:, :, None], light // 2, light)
    (one,), (other,) = (find_cells(segment(rgb, size=None), (300, 400)) for rgb in (light, dark))
    assert other.stain - one.stain == pytest.approx(np.log10(2), abs=0.03)
    assert optical_density(np.full((5, 5, 3), 200, dtype=np.uint8)).max() == 0


def test_a_square_field_is_unsqueezed_so_that_nuclei_are_round_again() -> None:
    squeezed = drawn((224, 224), (100, 120, 30, 40))
    (as_four_to_three,) = found(squeezed)
    (as_square,) = found(squeezed, aspect=1.0)
    assert as_four_to_three.aspect == FIELD_ASPECT
    assert as_four_to_three.eccentricity < 0.25 < 0.6 < as_square.eccentricity
    assert as_four_to_three.diameter == pytest.approx(80, rel=0.06)
    assert as_four_to_three.area == pytest.approx(as_square.area * 4 / 3, rel=0.02)
    assert (as_four_to_three.x, as_four_to_three.y) == pytest.approx((as_square.x, as_square.y), abs=0.003)


def test_a_camera_field_keeps_its_own_aspect_though_its_mask_is_square() -> None:
    (cell,) = found(drawn((224, 224), (100, 120, 20, 40)), (400, 800))
    assert cell.aspect == 2.0
    assert cell.diameter == pytest.approx(80, rel=0.06)


def test_an_upright_field_is_measured_at_the_height_of_its_mask() -> None:
    (cell,) = found(drawn((200, 200), (100, 100, 60, 30)), (400, 200))
    assert cell.aspect == 0.5
    assert cell.diameter == pytest.approx(60, rel=0.06)
    assert cell.eccentricity < 0.3


@pytest.mark.parametrize("centre", [(0, 100), (223, 100), (100, 0), (100, 223)])
def test_a_cell_cut_by_the_border_says_so(centre: tuple[int, int]) -> None:
    cells = found(drawn((224, 224), (*centre, 15, 20), (110, 110, 15, 20)))
    assert sorted(cell.at_border for cell in cells) == [False, True]
    assert summary(cells)["at_border"] == 1


def test_numbers_run_from_the_top_left() -> None:
    cells = found(drawn((224, 224), (150, 30, 12, 12), (40, 90, 12, 12), (120, 180, 12, 12)))
    assert [cell.number for cell in cells] == [1, 2, 3]
    assert [cell.y for cell in cells] == sorted(cell.y for cell in cells)


@pytest.mark.parametrize("options", [{"aspect": 0}, {"aspect": -1.5}, {"aspect": math.nan}, {"scale": 0}, {"scale": -2.0}])
def test_an_impossible_aspect_or_scale_is_refused(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="above 0"):
        found(np.ones((5, 5), dtype=bool), **options)


@pytest.mark.parametrize("shape", [(1, 1_000_000), (1_000_000, 1)])
def test_a_strip_is_not_stretched_to_its_full_length(shape: tuple[int, int]) -> None:
    assert field_aspect(shape) in (MAX_ASPECT, 1 / MAX_ASPECT)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.125, 8))
def test_any_mask_gives_whole_labels(seed: int, aspect: float) -> None:
    mask = np.random.default_rng(seed).random((24, 32)) > 0.75
    labels = label_nuclei(mask, aspect)
    assert labels.shape == mask.shape
    assert not (labels > 0)[~mask].any()
    assert set(np.unique(labels)) - {0} == set(range(1, int(labels.max()) + 1))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([(1, 300), (300, 1), (3, 3), (60, 80)]))
def test_any_picture_gives_whole_cells(seed: int, shape: tuple[int, int]) -> None:
    rgb = np.random.default_rng(seed).integers(0, 256, (*shape, 3), dtype=np.uint8)
    segmentation = segment(rgb)
    cells = find_cells(segmentation, shape)
    assert [cell.number for cell in cells] == list(range(1, len(cells) + 1))
    for cell in cells:
        assert 0 < cell.x < 1
        assert 0 < cell.y < 1
        assert cell.area >= 1
        assert 0 <= cell.circularity <= 1
        assert 0 < cell.nucleus_to_cell <= 1
        assert cell.stain >= 0


def test_territories_share_out_the_mask_that_the_networks_see() -> None:
    segmentation = segment(painted(drawn((224, 224), (60, 60, 20, 24), (150, 150, 20, 24))))
    cells = find_cells(segmentation, (224, 224))
    lands = territories(segmentation, cells[0].aspect)
    assert not (lands > 0)[~segmentation.mask].any()
    assert set(np.unique(lands[segmentation.mask])) == {1, 2}
    for cell in cells:
        assert lands[int(cell.y * 224), int(cell.x * 224)] == cell.number
