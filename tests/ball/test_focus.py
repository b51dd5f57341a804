from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ball.focus import focus, without


def test_a_map_on_the_cells_alone_reaches_what_is_possible() -> None:
    mask = np.zeros((224, 224), dtype=bool)
    mask[:32, :32] = True
    heat = np.zeros((7, 7), dtype=np.float32)
    heat[0, 0] = 0.7
    found = focus(heat, mask)
    assert found is not None
    assert (found.on_cells, found.ideal, found.of_ideal) == pytest.approx((1, 1, 1))
    assert found.by_chance == pytest.approx(1 / 49)


def test_an_even_map_is_chance() -> None:
    mask = np.random.default_rng(0).random((224, 224)) > 0.8
    found = focus(np.full((6, 6), 0.5, dtype=np.float32), mask)
    assert found is not None
    assert found.on_cells == pytest.approx(found.by_chance, abs=1e-3)


def test_an_empty_map_looks_nowhere_and_no_cells_give_nothing() -> None:
    assert focus(np.zeros((7, 7), dtype=np.float32), np.ones((14, 14), dtype=bool)) is None
    found = focus(np.ones((7, 7), dtype=np.float32), np.zeros((14, 14), dtype=bool))
    assert found is not None
    assert (found.on_cells, found.of_ideal) == (0, 0)


@pytest.mark.parametrize(
    ("heat", "message"),
    [(np.full((7, 7), -1.0), "at least 0"), (np.full((7, 7), np.nan), "finite"), (np.ones((20, 7)), "a mask of at least")],
)
def test_wrong_maps_are_refused(heat: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        focus(heat.astype(np.float32), np.ones((14, 14), dtype=bool))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_shares_are_shares_and_the_ideal_is_no_less_than_chance(seed: int) -> None:
    random = np.random.default_rng(seed)
    found = focus(random.random((7, 7)).astype(np.float32), random.random((56, 63)) > random.random())
    assert found is not None
    assert 0 <= found.on_cells <= 1
    assert found.by_chance - 1e-6 <= found.ideal <= 1


def test_the_stained_pixels_rated_highest_and_lowest_become_black_in_equal_number() -> None:
    mask = np.zeros((20, 20), dtype=bool)
    mask[:, ::2] = True
    masked = np.where(mask[:, :, None], np.uint8(200), np.uint8(0)).repeat(3, axis=2)
    kept = masked.copy()
    most, least = without(masked, mask, np.array([[0, 1], [0, 1]], dtype=np.float32), 0.3)
    assert np.array_equal(masked, kept)
    assert [int((each[:, :, 0] > 0).sum()) for each in (most, least)] == [140, 140]
    assert not most[:, 15:].any()
    assert not least[:, :5].any()
    assert np.array_equal(most[:, :8], masked[:, :8])
    assert np.array_equal(without(masked, mask, np.ones((2, 2), np.float32), 0)[0], masked)
