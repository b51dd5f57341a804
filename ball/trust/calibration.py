"""From raw votes to a probability that can be taken at its word, and what else votes tell.

Each network's softmax is sharpened or softened by one temperature (Guo et al. 2017, https://arxiv.org/abs/1706.04599), the
networks are pooled, and the pool gets a temperature of its own, which rises with the disagreement of the networks. Last, the
probability of a field that looks unlike those of training is held back towards even odds. So one number is low for doubt and
for an unfamiliar stain. Nothing of this changes which label leads the pool.

That it is held back is a principle: of the fields of one held-out stain that are stranger than nearly all of validation the
networks read three in four wrongly, of those of the others hardly any, so what some stains teach does not hold for the next, and a
probability is worth what it was validated on. From where on it is held back is a number that was set so that the goals are met on
these same stains; certainty.json tells what others come to.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ball.labels import LABELS

Rule = Literal["mean", "product"]
RULES: Final[tuple[str, ...]] = get_args(Rule)
"""How networks are pooled: the mean of their probabilities, or their normalised geometric mean."""

LEAST: Final = 1e-6
"""Probability that a softmax counts at least: predictions are written with six digits."""

EVEN: Final = 0.5
"""Most that a probability comes to where nothing was validated: there no class is called likelier than not."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """Temperatures and the rule of pooling.

    ``temperatures``: by network, 1 where none is given. ``base``, ``dissent``: natural logarithm of the pool's temperature, and
    how much it rises with a disagreement of 1.

    Raises:
        ValueError: an unknown rule, or a number that is not finite, or a temperature not above 0.
    """

    temperatures: Mapping[str, float] = field(default_factory=dict)
    rule: Rule = "mean"
    base: float = 0.0
    dissent: float = 0.0

    def __post_init__(self) -> None:
        numbers = [self.base, self.dissent, *self.temperatures.values()]
        if self.rule not in RULES:
            raise ValueError(f"unknown rule {self.rule!r}; expected one of {', '.join(RULES)}")
        if not all(map(math.isfinite, numbers)) or any(value <= 0 for value in self.temperatures.values()):
            raise ValueError(f"expected finite numbers and temperatures above 0, got {numbers}")

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        return {"temperatures": dict(self.temperatures), "rule": self.rule, "base": self.base, "dissent": self.dissent}


PLAIN: Final = Calibration()
"""No calibration: the mean of the raw softmax values."""


def consensus(votes: Mapping[str, Sequence[float]], calibration: Calibration = PLAIN, vouched: float = 1.0) -> tuple[float, ...]:
    """The calibrated probabilities of one field in contract order.

    Args:
        votes: raw softmax by network, at least one.
        calibration: temperatures; by default none, which gives the plain mean.
        vouched: 0 to 1, how far the field lies within what was validated, see `Familiarity.vouched`.
    """
    stacked = {name: np.asarray(values, dtype=np.float64)[None] for name, values in votes.items()}
    return tuple(float(value) for value in combine(stacked, calibration, np.array([vouched]))[0])


def combine(votes: Mapping[str, Floats], calibration: Calibration, vouched: Floats) -> Floats:
    """`consensus` of many fields: (n, classes) by network, (n,) vouched; gives (n, classes)."""
    if not votes:
        raise ValueError("expected at least one vote")
    if calibration == PLAIN:
        return np.asarray(np.mean(list(votes.values()), axis=0), dtype=np.float64)
    pool = pooled(votes, calibration.temperatures, calibration.rule)
    return held_back(tempered(pool, np.exp(calibration.base + calibration.dissent * disagreement(votes))), vouched)


def held_back(probabilities: Floats, vouched: Floats) -> Floats:
    """Bring largest probabilities above `EVEN` towards it, as far as they are not vouched for; what they lose goes to all classes alike.

    Args:
        probabilities: (n, classes).
        vouched: (n,), 0 to 1; 1 leaves a row as it is.
    """
    top, level = probabilities.max(axis=1), 1 / probabilities.shape[1]
    above = np.maximum(top - EVEN, 0)
    # A top of no more than one in as many as there are classes is level already.
    kept = 1 - above * (1 - vouched) / np.maximum(top - level, LEAST)
    return np.asarray(level + (probabilities - level) * kept[:, None], dtype=np.float64)


def pooled(votes: Mapping[str, Floats], temperatures: Mapping[str, float], rule: Rule) -> Floats:
    """The networks' tempered probabilities as one, (n, classes)."""
    warm = [tempered(values, np.full(len(values), temperatures.get(name, 1.0))) for name, values in votes.items()]
    if rule == "mean":
        return np.asarray(np.mean(warm, axis=0), dtype=np.float64)
    return _normalised(np.exp(np.mean([np.log(np.maximum(each, LEAST)) for each in warm], axis=0)))


def tempered(probabilities: Floats, temperature: Floats) -> Floats:
    """Softmax of the logarithms divided by a temperature: (n, classes) and (n,)."""
    logits = np.log(np.maximum(probabilities, LEAST)) / temperature[:, None]
    return _normalised(np.exp(logits - logits.max(axis=1, keepdims=True)))


def disagreement(votes: Mapping[str, Floats]) -> Floats:
    """Jensen-Shannon divergence of the votes over its largest value: 0 where all say the same, towards 1 where each says another. (n,)."""
    stacked = np.stack(list(votes.values()))
    most = math.log(min(len(stacked), len(LABELS)))
    if most == 0:
        return np.zeros(stacked.shape[1])
    apart = entropy(stacked.mean(axis=0)) - entropy(stacked).mean(axis=0)
    return np.asarray(np.clip(apart / most, 0, 1), dtype=np.float64)


def undecided(votes: Mapping[str, Floats]) -> Floats:
    """Entropy of the mean of the votes over its largest value: 0 where one class is certain, 1 where all are alike. (n,)."""
    return np.asarray(entropy(np.mean(list(votes.values()), axis=0)) / math.log(len(LABELS)), dtype=np.float64)


def entropy(probabilities: Floats) -> Floats:
    """Natural entropy over the last axis; at most log(classes)."""
    return np.asarray(-(probabilities * np.log(np.maximum(probabilities, 1e-300))).sum(axis=-1), dtype=np.float64)


def conformal_limit(probabilities: Floats, targets: NDArray[np.intp], coverage: float) -> float:
    """The probability from which on a label belongs to the prediction set, by split conformal prediction.

    Args:
        probabilities: (n, classes) of fields that calibration has not seen.
        targets: (n,) true labels.
        coverage: share of sets that must hold the true label, 0 to 1.
    """
    true = np.sort(probabilities[np.arange(len(targets)), targets])
    allowed = math.floor((len(true) + 1) * (1 - coverage))
    return float(true[allowed - 1]) if allowed >= 1 else 0.0


def _normalised(values: Floats) -> Floats:
    return np.asarray(values / values.sum(axis=1, keepdims=True), dtype=np.float64)
