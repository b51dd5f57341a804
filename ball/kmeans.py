"""One-dimensional k-means, solved exactly.

Eight-bit values have a histogram of 256 counts, so dynamic programming finds the global optimum in milliseconds
(Wang and Song 2011, doi:10.32614/RJ-2011-015). For one channel this is also what Otsu's method with several
thresholds finds (Liu and Yu 2009, doi:10.1109/HIS.2009.74).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]


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
    cost = _interval_costs(values.astype(np.float64), histogram[values].astype(np.float64))
    starts = _optimal_starts(cost, clusters)
    table = np.zeros(256, dtype=np.uint8)
    centres = []
    for index, (start, stop) in enumerate(zip(starts, [*starts[1:], len(values)], strict=True)):
        table[values[start] :] = index
        centres.append(float(np.average(values[start:stop], weights=histogram[values[start:stop]])))
    return table, centres


def _interval_costs(values: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum of squared distances to the mean for every interval i..j of the values, infinite where i > j."""
    weight, first, second = (np.concatenate(([0.0], np.cumsum(weights * values**power))) for power in (0, 1, 2))
    n = weight[None, 1:] - weight[:-1, None]
    one = first[None, 1:] - first[:-1, None]
    two = second[None, 1:] - second[:-1, None]
    upper = np.triu(np.ones(n.shape, dtype=bool))
    return np.where(upper, np.maximum(two - one**2 / np.where(upper, n, 1.0), 0.0), np.inf)


def _optimal_starts(cost: NDArray[np.float64], clusters: int) -> list[int]:
    """First value of each cluster in the cheapest cut of the values into ``clusters`` intervals."""
    best = cost[0]
    choices = []
    for _ in range(1, clusters):
        # total[i, j]: the last cluster is i..j, all before it cut as well as can be.
        total = np.full_like(cost, np.inf)
        total[1:] = best[:-1, None] + cost[1:]
        choice = total.argmin(axis=0)
        choices.append(choice)
        best = total[choice, np.arange(len(choice))]
    starts, end = [], cost.shape[0] - 1
    for choice in reversed(choices):
        starts.append(int(choice[end]))
        end = starts[-1] - 1
    return [0, *reversed(starts)]
