"""How like the fields of training a field looks: one distance, and which of its figures lie outside all that was seen.

The figures of `appearance` are standardised and whitened on the fields of training; strangeness is the mean distance to the
nearest of them (k-nearest neighbours, Sun et al. 2022, https://arxiv.org/abs/2204.06507), in units of the distance that 99 %
of the validation fields keep within.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ball.trust.appearance import GROUP_OF, GROUPS, NAMES, Appearance

NEIGHBOURS: Final = 5
PASS: Final = 0.99
"""Share of validation fields whose strangeness is at most 1."""

USUAL: Final = 0.9
"""Share of validation fields that what is validated is taken to hold for in full; from there to `PASS` it fades."""

MARGIN: Final = 0.15
"""How far beyond the range of the bank a figure may lie, as a share of that range, before it is called out of range."""

LEAST_SPREAD: Final = 0.02
"""Deviation that a figure is held to have at least, so that one that hardly ever changes does not rule the distance."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Familiarity:
    """The fields of training, as the gate remembers them.

    ``centre``, ``low``, ``high``: (figures,) mean and range. ``whiten``: (figures, components). ``bank``: (n, components).
    ``unit``: distance that counts as 1. ``usual``: strangeness that `USUAL` of the validation fields keep within.

    Raises:
        ValueError: shapes that do not fit, or fewer fields than neighbours.
    """

    centre: Floats
    low: Floats
    high: Floats
    whiten: Floats
    bank: Floats
    unit: float
    usual: float

    def __post_init__(self) -> None:
        figures = len(NAMES)
        shapes = [each.shape for each in (self.centre, self.low, self.high)]
        if shapes != [(figures,)] * 3 or self.whiten.shape != (figures, self.bank.shape[1]):
            raise ValueError(f"expected {figures} figures, got {shapes}, {self.whiten.shape} and a bank of {self.bank.shape}")
        if len(self.bank) <= NEIGHBOURS or not self.unit > 0:
            raise ValueError(f"expected more than {NEIGHBOURS} fields and a unit above 0, got {len(self.bank)} and {self.unit}")
        if not 0 <= self.usual <= 1:
            raise ValueError(f"expected a usual strangeness from 0 to 1, got {self.usual}")

    def strangeness(self, values: Floats) -> Floats:
        """Mean distance to the nearest fields of training: (n, figures) to (n,); 99 % of validation fields lie within 1."""
        return _nearest(self._placed(values), self.bank) / self.unit

    def vouched(self, strangeness: Floats) -> Floats:
        """How far what was validated speaks for fields of this strangeness: 1 up to the usual, 0 from 1 on; (n,) to (n,)."""
        return np.asarray(np.clip((1 - strangeness) / max(1 - self.usual, 1e-9), 0, 1), dtype=np.float64)

    def of(self, appearance: Appearance) -> float:
        """The strangeness of one field."""
        return float(self.strangeness(appearance.values[None])[0])

    def outside(self, appearance: Appearance, margin: float = MARGIN) -> dict[str, float]:
        """Figures more than a margin outside the range of training, as signed shares of that range: below 0 is too low."""
        span = np.maximum(self.high - self.low, 1e-9)
        above, below = (appearance.values - self.high) / span, (self.low - appearance.values) / span
        return {name: float(over if over > 0 else -under) for name, over, under in zip(NAMES, above, below, strict=True)
                if max(over, under) > margin}

    def strange_groups(self, appearance: Appearance) -> list[str]:
        """What about a field is outside the range of training, in words, the farthest first; at most two."""
        outside = {name: abs(value) for name, value in self.outside(appearance).items()}
        of = dict(zip(NAMES, GROUP_OF, strict=True))
        worst = {group: max((outside.get(name, 0.0) for name in NAMES if of[name] == group), default=0.0) for group in GROUPS}
        order = sorted((group for group in GROUPS if worst[group] > 0), key=lambda group: -worst[group])
        return [GROUPS[group] for group in order[:2]]

    def _placed(self, values: Floats) -> Floats:
        return (values - self.centre) @ self.whiten


def remember(training: Floats, validation: Floats, keep: float = 0.995, usual: float = USUAL) -> Familiarity:
    """Make the gate's memory.

    Args:
        training: (n, figures) of the fields of training: the bank.
        validation: (m, figures) of fields that are no twins of them: they set the unit.
        keep: share of the variance of the standardised figures that the components keep.
        usual: share of the validation fields that are vouched for in full.
    """
    centre, scale = training.mean(axis=0), np.maximum(training.std(axis=0), LEAST_SPREAD)
    _, sizes, axes = np.linalg.svd((training - centre) / scale, full_matrices=False)
    kept = int(np.searchsorted(np.cumsum(sizes**2) / (sizes**2).sum(), keep)) + 1
    spread = sizes[:kept] / np.sqrt(len(training))
    # Half precision is what the file keeps; rounded here, so that the unit belongs to what is loaded later.
    whiten = _half((axes[:kept] / spread[:, None]).T / scale[:, None])
    bank = _half((training - centre) @ whiten)
    distances = _nearest((validation - centre) @ whiten, bank)
    unit, within = (float(np.quantile(distances, share)) for share in (PASS, usual))
    return Familiarity(centre, training.min(axis=0), training.max(axis=0), whiten, bank, unit, within / unit if unit else 0.0)


def _half(values: Floats) -> Floats:
    return values.astype(np.float16).astype(np.float64)


def _nearest(points: Floats, bank: Floats) -> Floats:
    """Mean distance to the nearest `NEIGHBOURS` rows of the bank, a block of points at a time."""
    found = np.empty(len(points))
    square = (bank**2).sum(axis=1)
    for start in range(0, len(points), 256):
        block = points[start : start + 256]
        distance = np.sqrt(np.maximum(square + (block**2).sum(axis=1)[:, None] - 2 * block @ bank.T, 0))
        found[start : start + 256] = np.partition(distance, NEIGHBOURS - 1, axis=1)[:, :NEIGHBOURS].mean(axis=1)
    return found
