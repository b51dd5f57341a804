"""One-dimensional k-means, solved exactly.

Eight-bit values have a histogram of 256 counts, so dynamic programming finds the global optimum in milliseconds
(Wang and Song 2011, doi:10.32614/RJ-2011-015). For one channel this is also what Otsu's method with several
thresholds finds (Liu and Yu 2009, doi:10.1109/HIS.2009.74).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

_NO_INTERVAL: Final = np.where(np.tri(256, dtype=bool), 0.0, np.inf)
"""Added to the costs: infinite where an interval would start after its end."""


def kmeans_histogram(histogram: NDArray[np.integer], clusters: int) -> tuple[Image, list[float]]:
    """Solve one-dimensional k-means exactly on a histogram of 256 values.

    Args:
        histogram: (256,) counts.
        clusters: K; fewer are returned where fewer values occur.

    Returns:
        A table (256,) uint8 from value to cluster, clusters in rising order, and their centres.

    Raises:
        ValueError: another shape, or no count at all.
    """
    if histogram.shape != (256,) or not histogram.any():
        raise ValueError(f"expected 256 counts, not all of them 0; got shape {histogram.shape} with sum {histogram.sum()}")
    values = np.flatnonzero(histogram)
    clusters = min(clusters, len(values))
    sums = _running_sums(values, histogram[values])
    starts = _optimal_starts(_interval_costs(sums), clusters)
    bounds = [*starts, len(values)]
    table = np.zeros(256, dtype=np.uint8)
    for index, start in enumerate(starts):
        table[values[start] :] = index
    weight, first, _ = sums.tolist()
    return table, [(first[stop] - first[start]) / (weight[stop] - weight[start]) for start, stop in pairwise(bounds)]


def _running_sums(values: NDArray[np.integer], weights: NDArray[np.integer]) -> NDArray[np.float64]:
    """(3, n + 1) sums of the weights before each value, of weight times value, and of weight times value squared."""
    sums = np.zeros((3, len(values) + 1))
    sums[0, 1:] = weights
    sums[1, 1:] = sums[0, 1:] * values
    sums[2, 1:] = sums[1, 1:] * values
    return np.asarray(np.cumsum(sums, axis=1, out=sums))


def _interval_costs(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum of squared distances to the mean for every interval of the values: [j, i] of i..j, infinite where i > j."""
    n, one, two = (running[1:, None] - running[:-1] for running in sums)
    # Counts are at least 1 wherever i <= j. In place: these arrays are most of the time that clustering takes.
    one *= one
    one /= np.maximum(n, 1.0, out=n)
    two -= one
    np.maximum(two, 0.0, out=two)
    return np.asarray(two + _NO_INTERVAL[: len(n), : len(n)])


def _optimal_starts(cost: NDArray[np.float64], clusters: int) -> list[int]:
    """First value of each cluster in the cheapest cut of the values into ``clusters`` intervals."""
    best, last = cost[:, 0], len(cost) - 1
    choices = []
    for _ in range(2, clusters):
        # total[j, i]: the last cluster is i + 1..j, all before it cut as well as can be.
        total = best[:-1] + cost[:, 1:]
        choices.append(total.argmin(axis=1) + 1)
        best = total.min(axis=1)
    if clusters == 1:
        return [0]
    # The last cluster ends with the last value, so that it needs no other row.
    starts = [int((best[:-1] + cost[last, 1:]).argmin()) + 1]
    for choice in reversed(choices):
        starts.append(int(choice[starts[-1] - 1]))
    return [0, *reversed(starts)]
