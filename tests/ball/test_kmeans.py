from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from ball.kmeans import kmeans_histogram, kmeans_histograms

HISTOGRAMS = arrays(np.int64, 256, elements=st.integers(0, 30), fill=st.just(0)).filter(np.any)


def inertia(histogram: NDArray[np.int64], table: NDArray[np.uint8], centres: list[float]) -> float:
    values = np.flatnonzero(histogram)
    return float(sum(histogram[value] * (value - centres[table[value]]) ** 2 for value in values))


def cheapest(histogram: NDArray[np.int64], clusters: int) -> float:
    """Least inertia over every way to cut the occurring values into intervals."""
    values = np.flatnonzero(histogram)
    clusters = min(clusters, len(values))
    best = np.inf
    for cuts in itertools.combinations(range(1, len(values)), clusters - 1):
        total = 0.0
        for part in np.split(values, cuts):
            weights = histogram[part]
            total += float((weights * (part - np.average(part, weights=weights)) ** 2).sum())
        best = min(best, total)
    return best


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.integers(0, 255), st.integers(1, 10_000), min_size=1, max_size=9), st.integers(2, 5))
def test_exact_k_means_equals_brute_force(counts: dict[int, int], clusters: int) -> None:
    histogram = np.zeros(256, dtype=np.int64)
    for value, count in counts.items():
        histogram[value] = count
    table, centres = kmeans_histogram(histogram, clusters)
    assert len(centres) == min(clusters, len(counts))
    assert centres == sorted(centres)
    assert np.all(np.diff(table.astype(int)) >= 0)
    assert inertia(histogram, table, centres) == pytest.approx(cheapest(histogram, clusters), rel=1e-9, abs=1e-3)


@pytest.mark.parametrize("clusters", [2, 3, 5])
def test_exact_k_means_is_no_worse_than_opencv_with_ten_attempts(clusters: int) -> None:
    random = np.random.default_rng(clusters)
    values = np.concatenate([random.normal(mean, spread, 2000) for mean, spread in ((128, 3), (140, 6), (165, 9))])
    values = np.clip(values, 0, 255).astype(np.uint8)
    histogram = np.bincount(values, minlength=256)
    table, centres = kmeans_histogram(histogram, clusters)
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 100, 1e-3)
    theirs, _, _ = cv2.kmeans(values.astype(np.float32)[:, None], clusters, None, criteria, 10, cv2.KMEANS_PP_CENTERS)
    ours = inertia(histogram, table, centres)
    assert ours <= theirs * (1 + 1e-6)
    assert ours == pytest.approx(theirs, rel=0.05)


def test_k_means_puts_each_value_with_its_nearest_centre() -> None:
    histogram = np.random.default_rng(5).integers(0, 50, 256)
    table, centres = kmeans_histogram(histogram, 4)
    nearest = np.abs(np.arange(256)[:, None] - np.array(centres)[None]).argmin(axis=1)
    assert np.array_equal(table, nearest)


@pytest.mark.parametrize("histogram", [np.zeros(256, dtype=int), np.ones(255, dtype=int)])
def test_k_means_of_nothing_is_refused(histogram: NDArray[np.int64]) -> None:
    with pytest.raises(ValueError, match="256 counts"):
        kmeans_histogram(histogram, 2)


@settings(max_examples=60, deadline=None)
@given(st.lists(HISTOGRAMS, min_size=1, max_size=5), st.integers(1, 6))
def test_many_histograms_together_give_what_each_gives_alone(histograms: list[NDArray[np.int64]], clusters: int) -> None:
    together = kmeans_histograms(np.stack(histograms), clusters)
    for histogram, (table, centres) in zip(histograms, together, strict=True):
        alone, its_centres = kmeans_histogram(histogram, clusters)
        assert centres == its_centres
        assert np.array_equal(table[histogram > 0], alone[histogram > 0])


def test_one_empty_histogram_among_many_is_refused() -> None:
    with pytest.raises(ValueError, match="256 counts"):
        kmeans_histograms(np.stack([np.ones(256, dtype=int), np.zeros(256, dtype=int)]), 2)
