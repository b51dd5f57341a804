"""What the gate is made from and judged on: the figures of whole data sets, and families of pictures that are no smear."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn.metrics import roc_auc_score

from ball.segmentation import segment
from ball.training.splits import FOLDS, load_split
from ball.trust.appearance import Appearance, described
from ball.trust.familiarity import USUAL, Familiarity, Floats, remember
from ball.trust.gate import Examination, examine

GENUINE: Final = 0.99
"""Share of genuine fields of held-out stains that are not refused."""

_BEYOND: Final = 1e6
"""Strangeness that a picture without a nucleus counts as."""


@dataclass(frozen=True, eq=False)
class Looks:
    """Figures of pictures, (n, figures), and which have no nucleus, (n,)."""

    values: Floats
    empty: NDArray[np.bool_]

    def examined(self, familiarity: Familiarity, refuse: float) -> list[Examination]:
        """What the gate makes of each."""
        pairs = zip(self.values, self.empty, strict=True)
        return [examine(Appearance(values), bool(empty), familiarity, refuse) for values, empty in pairs]


def looks(pictures: Iterable[NDArray[np.uint8]]) -> Looks:
    """Segment and describe pictures, RGB uint8."""
    pairs = ((picture, segment(picture)) for picture in pictures)
    found = [(described(picture, one).values, one.empty) for picture, one in pairs]
    return Looks(np.array([values for values, _ in found]), np.array([empty for _, empty in found]))


def memory(values: Mapping[str, Floats], usual: float = USUAL) -> Familiarity:
    """The gate's memory: the paper split's training part, its unit from the validation part. ``values`` by file name."""
    split = load_split("paper")
    return remember(_rows(values, split.train), _rows(values, split.val), usual=usual)


def stain_strangeness(values: Mapping[str, Floats], usual: float = USUAL) -> dict[str, tuple[float, float]]:
    """Strangeness of each field to a memory of the other stains, and how far that vouches for it, by file name."""
    found: dict[str, tuple[float, float]] = {}
    for fold in range(FOLDS):
        split = load_split("stain", fold)
        held = sorted(split.test & values.keys())
        if held:
            known = remember(_rows(values, split.train), _rows(values, split.val), usual=usual)
            strangeness = known.strangeness(_rows(values, held))
            found |= dict(zip(held, zip(strangeness.tolist(), known.vouched(strangeness).tolist(), strict=True), strict=True))
    return found


def refusal_limit(strangeness: Iterable[float]) -> float:
    """Strangeness from which on a picture is refused: 99 % of genuine fields of held-out stains stay below it."""
    return max(1.0, float(np.quantile(list(strangeness), GENUINE)))


def family_figures(seen: Looks, genuine: Looks, familiarity: Familiarity, refuse: float) -> dict[str, Any]:
    """Shares refused and flagged with 95 % Wilson intervals, and AUROC against genuine test fields."""
    found, known = seen.examined(familiarity, refuse), genuine.examined(familiarity, refuse)
    scores = np.array([_score(each, empty) for each, empty in zip([*known, *found], [*genuine.empty, *seen.empty], strict=True)])
    truth = np.arange(len(scores)) >= len(known)
    return {"auroc": float(roc_auc_score(truth, scores)), **shares(found)}


def shares(found: list[Examination]) -> dict[str, Any]:
    """How many are refused, and how many refused or flagged."""
    refused, noticed = sum(each.refusal is not None for each in found), sum(bool(each.flags) for each in found)
    return {"n": len(found), "refused": _share(refused, len(found)), "refused_or_flagged": _share(noticed, len(found))}


def _share(successes: int, count: int) -> dict[str, Any]:
    interval = binomtest(successes, count).proportion_ci(method="wilson")
    return {"share": successes / count, "ci95": [float(interval.low), float(interval.high)]}


def _score(found: Examination, empty: bool) -> float:
    return _BEYOND if empty else found.strangeness


def _rows(values: Mapping[str, Floats], names: Iterable[str]) -> Floats:
    return np.array([values[name] for name in sorted(names) if name in values])
