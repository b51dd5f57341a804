from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import label

from ball.images import ImageError
from ball.segmentation import SIZE, segment
from ball.synthetic import draw
from ball.training.copies import changed, load_copies, without_some
from ball.training.data import Field


@pytest.fixture(scope="module")
def fields(tmp_path_factory: pytest.TempPathFactory) -> list[Field]:
    folder = tmp_path_factory.mktemp("fields")
    found = []
    for number in range(3):
        path = folder / f"field-{number}.png"
        Image.fromarray(draw(number)).save(path)
        found.append(Field(path, "Benign"))
    return found


def test_copies_are_segmented_after_the_change_and_bare_ones_are_not(fields: list[Field]) -> None:
    copies = load_copies(fields, masked=2, bare=1, seed=0)
    assert copies.shape == (3, len(fields), SIZE, SIZE, 3)
    black = (copies == 0).all(axis=4).mean(axis=(2, 3))
    assert (black[:2] > 0.3).all()
    assert (black[2] < 0.05).all()
    assert not np.array_equal(copies[0], copies[1])


def test_copies_are_the_same_each_time_and_others_for_another_seed(fields: list[Field]) -> None:
    one = load_copies(fields, 1, 0, seed=0)
    assert np.array_equal(one, load_copies(fields, 1, 0, seed=0))
    assert not np.array_equal(one, load_copies(fields, 1, 0, seed=1))
    # A field's copies do not depend on which others are loaded.
    assert np.array_equal(one[:, 1:], load_copies(fields[1:], 1, 0, seed=0))


def test_a_change_moves_the_mask_but_not_the_field() -> None:
    rgb = draw(0)
    before = segment(rgb).mask
    kept = rgb.copy()
    masks = [segment(changed(rgb, np.random.default_rng(seed))).mask for seed in range(8)]
    assert np.array_equal(rgb, kept)
    assert any(not np.array_equal(mask, before) for mask in masks)
    overlap = [(mask & before).sum() / (mask | before).sum() for mask in masks]
    assert np.median(overlap) > 0.5


def test_thinned_copies_lack_whole_cells_and_leave_the_rest_as_it_was(fields: list[Field]) -> None:
    masked = segment(draw(0)).masked
    cells, count = label(masked.any(axis=2))
    for seed in range(8):
        fewer = without_some(masked, np.random.default_rng(seed))
        on = fewer.any(axis=2)
        assert np.array_equal(fewer[on], masked[on])
        kept = set(np.unique(cells[on]))
        assert 1 <= len(kept) < count
        assert np.array_equal(on, np.isin(cells, list(kept)))
    copies = load_copies(fields, masked=1, bare=0, seed=0, thinned=2)
    assert copies.shape == (3, len(fields), SIZE, SIZE, 3)
    assert np.array_equal(copies[:1], load_copies(fields, masked=1, bare=0, seed=0))


@pytest.mark.parametrize("cells", [0, 1])
def test_a_field_of_one_cell_keeps_it_and_one_of_none_stays_black(cells: int) -> None:
    masked = np.zeros((8, 8, 3), dtype=np.uint8)
    masked[2:4, 2:4] = 90 * cells
    assert all(np.array_equal(without_some(masked, np.random.default_rng(seed)), masked) for seed in range(5))


def test_a_field_that_cannot_be_decoded_is_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.png"
    path.write_bytes(b"no picture")
    with pytest.raises(ImageError, match="broken"):
        load_copies([Field(path, "Benign")], 1, 0, seed=0)
