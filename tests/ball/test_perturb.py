from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ball import synthetic
from ball.perturb import PERTURBATIONS, brightness, jpeg, stain
from ball.segmentation import resize

FIELD = resize(synthetic.draw(1), (224, 224))


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_every_change_changes_a_field_a_little_and_leaves_its_input(name: str) -> None:
    before = FIELD.copy()
    changed = PERTURBATIONS[name](FIELD)
    assert (before == FIELD).all()
    assert (changed.shape, changed.dtype) == (FIELD.shape, np.uint8)
    apart = np.abs(changed.astype(int) - FIELD).mean()
    assert 0.5 < apart < 40
    assert (PERTURBATIONS[name](FIELD) == changed).all()


@settings(max_examples=30, deadline=None)
@given(arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12), st.just(3))), st.sampled_from(list(PERTURBATIONS)))
def test_any_picture_keeps_its_shape(rgb: np.ndarray, name: str) -> None:
    changed = PERTURBATIONS[name](rgb)
    assert (changed.shape, changed.dtype) == (rgb.shape, np.uint8)


def test_a_stain_of_unchanged_strength_is_the_field_itself() -> None:
    assert np.abs(stain(FIELD).astype(int) - FIELD).max() <= 1


def test_glass_stays_white_and_stained_pixels_darken_with_more_stain() -> None:
    white = np.full((4, 4, 3), 255, np.uint8)
    assert (stain(white, hematoxylin=1.2, eosin=0.8) == 255).all()
    purple = np.full((4, 4, 3), (116, 62, 158), np.uint8)
    assert stain(purple, hematoxylin=1.2).mean() < purple.mean() < stain(purple, hematoxylin=0.8).mean()


def test_brightness_is_a_factor_and_is_cut_at_white() -> None:
    grey = np.full((2, 2, 3), 100, np.uint8)
    assert (brightness(grey, 1.15) == 115).all()
    assert (brightness(np.full((2, 2, 3), 250, np.uint8), 1.15) == 255).all()


def test_worse_jpeg_changes_more() -> None:
    apart = [np.abs(jpeg(FIELD, quality).astype(int) - FIELD).mean() for quality in (95, 50, 10)]
    assert apart == sorted(apart)


def test_what_is_no_rgb_image_is_refused() -> None:
    with pytest.raises(ValueError, match="expected shape"):
        PERTURBATIONS["brighter"](np.zeros((4, 4), np.uint8))
