from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from ball.histograms import histograms, mean_and_spread, percentiles

IMAGES = arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12), st.integers(1, 3)))


@settings(max_examples=80, deadline=None)
@given(IMAGES, st.lists(st.floats(0, 100), min_size=1, max_size=5))
def test_figures_of_the_counts_are_those_of_the_values(image: NDArray[np.uint8], shares: list[float]) -> None:
    for channel, counts in enumerate(histograms(image)):
        values = image[:, :, channel].astype(np.float64)
        assert percentiles(counts, shares) == pytest.approx(np.percentile(values, shares).tolist(), abs=1e-9)
        assert mean_and_spread(counts) == pytest.approx((values.mean(), values.std()), abs=1e-9)


def test_a_mask_says_which_pixels_count() -> None:
    image = np.arange(24, dtype=np.uint8).reshape(4, 2, 3)
    mask = np.zeros((4, 2), dtype=bool)
    mask[1, 1] = True
    counts = histograms(image, mask)
    assert counts.shape == (3, 256)
    assert [np.flatnonzero(channel).tolist() for channel in counts] == [[9], [10], [11]]
