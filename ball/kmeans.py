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
        A table (256,) uint8 from value to cluster, clusters in rising order, and their centres. What the table says of values
        that do not occur means nothing.

    Raises:
        ValueError: another shape, or no count at all.
    """
    if histogram.shape != (256,):
        raise ValueError(f"expected 256 counts, got shape {histogram.shape}")
    return kmeans_histograms(histogram[None], clusters)[0]


def kmeans_histograms(histograms: NDArray[np.integer], clusters: int) -> list[tuple[Image, list[float]]]:
    """As `kmeans_histogram`, of many histograms (n, 256) together: most of the time that one takes is that of NumPy's calls.

    Raises:
        ValueError: another shape, or a histogram without any count.
    """
    if histograms.ndim != 2 or histograms.shape[1] != 256 or not histograms.any(axis=1).all():
        raise ValueError(f"expected rows of 256 counts, none of them all 0; got shape {histograms.shape}")
    asked = np.minimum(clusters, (histograms > 0).sum(axis=1))
    found: dict[int, tuple[Image, list[float]]] = {}
    for count in np.unique(asked).tolist():
        chosen = np.flatnonzero(asked == count)
        found |= dict(zip(chosen.tolist(), _solved(histograms[chosen], count), strict=True))
    return [found[index] for index in range(len(histograms))]


def _solved(histograms: NDArray[np.integer], clusters: int) -> list[tuple[Image, list[float]]]:
    """Tables and centres of histograms (n, 256) in each of which at least ``clusters`` values occur."""
    values = np.flatnonzero(histograms.any(axis=0))
    sums = _running_sums(values, histograms[:, values])
    starts = _optimal_starts(_interval_costs(sums), clusters)
    bounds = np.concatenate([starts, np.full((len(starts), 1), len(values))], axis=1)
    firsts = values[starts[:, 1:]]
    tables = (np.arange(256) >= firsts[:, :, None]).sum(axis=1, dtype=np.uint8)
    weight, first, _ = (np.take_along_axis(running, bounds, axis=1) for running in sums)
    centres = (first[:, 1:] - first[:, :-1]) / (weight[:, 1:] - weight[:, :-1])
    return list(zip(tables, centres.tolist(), strict=True))


def _running_sums(values: NDArray[np.integer], weights: NDArray[np.integer]) -> NDArray[np.float64]:
    """(3, n, v + 1) sums of the weights (n, v) before each value, of weight times value, and of weight times value squared."""
    sums = np.zeros((3, len(weights), len(values) + 1))
    sums[0, :, 1:] = weights
    sums[1, :, 1:] = sums[0, :, 1:] * values
    sums[2, :, 1:] = sums[1, :, 1:] * values
    return np.asarray(np.cumsum(sums, axis=2, out=sums))


def _interval_costs(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum of squared distances to the mean for every interval of the values: [n, j, i] of i..j, infinite where nothing is in it."""
    count, one, two = (running[:, 1:, None] - running[:, None, :-1] for running in sums)
    nothing = count <= 0
    # In place: these arrays are most of the time that clustering takes.
    one *= one
    one /= np.maximum(count, 1.0, out=count)
    two -= one
    np.maximum(two, 0.0, out=two)
    two[nothing] = np.inf
    return np.asarray(two)


def _optimal_starts(cost: NDArray[np.float64], clusters: int) -> NDArray[np.intp]:
    """Place (n, clusters) of the first value of each cluster in the cheapest cut of the values into ``clusters`` intervals."""
    best, last = cost[:, :, 0], cost.shape[1] - 1
    choices = []
    for _ in range(2, clusters):
        # total[n, j, i]: the last cluster is i + 1..j, all before it cut as well as can be.
        total = best[:, None, :-1] + cost[:, :, 1:]
        choices.append(total.argmin(axis=2) + 1)
        best = total.min(axis=2)
    starts = np.zeros((len(cost), clusters), dtype=np.intp)
    if clusters == 1:
        return starts
    # The last cluster ends with the last value, so that it needs no other row.
    starts[:, -1] = (best[:, :-1] + cost[:, last, 1:]).argmin(axis=1) + 1
    for place, choice in zip(range(clusters - 2, 0, -1), reversed(choices), strict=True):
        starts[:, place] = np.take_along_axis(choice, starts[:, place + 1, None] - 1, axis=1)[:, 0]
    return starts
