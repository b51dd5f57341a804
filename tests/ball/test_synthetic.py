"""The drawn field: seeded, of the right kind, and readable by the segmentation."""

from __future__ import annotations

import numpy as np
import pytest

from ball import synthetic
from ball.cells import find_cells
from ball.images import decode
from ball.segmentation import segment


def test_a_seed_always_draws_the_same_field() -> None:
    assert np.array_equal(synthetic.draw(3), synthetic.draw(3))
    assert not np.array_equal(synthetic.draw(3), synthetic.draw(4))


@pytest.mark.parametrize("size", [synthetic.SIZE, (224, 224), (64, 96)])
def test_it_is_an_rgb_field_of_the_size_asked_for(size: tuple[int, int]) -> None:
    field = synthetic.draw(1, size)
    assert field.shape == (*size, 3)
    assert field.dtype == np.uint8


def test_too_small_a_field_is_refused_with_both_sizes() -> None:
    with pytest.raises(ValueError, match=r"at least 64 .* 63 x 100"):
        synthetic.draw(1, (63, 100))


@pytest.mark.parametrize("seed", range(1, 9))
def test_the_segmentation_finds_its_nuclei_and_little_else(seed: int) -> None:
    field = synthetic.draw(seed)
    found = segment(field)
    assert 4 <= len(find_cells(found, field.shape[:2])) <= 14
    assert 0.02 < found.mask.mean() < 0.25


def test_the_file_says_that_it_is_synthetic_and_decodes_to_the_field() -> None:
    assert synthetic.file_name(7) == "synthetic-field-7.png"
    assert np.array_equal(decode(synthetic.png(7)).rgb, synthetic.draw(7))
