"""From raw votes to a probability that can be taken at its word, and what else votes tell.

Each network's softmax is sharpened or softened by one temperature (Guo et al. 2017, https://arxiv.org/abs/1706.04599), the
networks are pooled, and the pool gets a temperature of its own, which rises with the disagreement of the networks and with
how unlike the fields of training the field looks. So one number is low for doubt and for an unfamiliar stain. No
temperature changes which label leads the pool.
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

FAR: Final = 3.0
"""Strangeness beyond which a field is held to be as strange as this: nothing validated lies there."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """Temperatures and the rule of pooling.

    ``temperatures``: by network, 1 where none is given. ``base``, ``dissent``, ``strange``: natural logarithm of the pool's
    temperature, and how much it rises with a disagreement of 1 and with a strangeness of 1.

    Raises:
        ValueError: an unknown rule, or a number that is not finite, or a temperature not above 0.
    """

    temperatures: Mapping[str, float] = field(default_factory=dict)
    rule: Rule = "mean"
    base: float = 0.0
    dissent: float = 0.0
    strange: float = 0.0

    def __post_init__(self) -> None:
        numbers = [self.base, self.dissent, self.strange, *self.temperatures.values()]
        if self.rule not in RULES:
            raise ValueError(f"unknown rule {self.rule!r}; expected one of {', '.join(RULES)}")
        if not all(map(math.isfinite, numbers)) or any(value <= 0 for value in self.temperatures.values()):
            raise ValueError(f"expected finite numbers and temperatures above 0, got {numbers}")

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        warmth = {"base": self.base, "dissent": self.dissent, "strange": self.strange}
        return {"temperatures": dict(self.temperatures), "rule": self.rule, **warmth}


PLAIN: Final = Calibration()
"""No calibration: the mean of the raw softmax values."""


def consensus(votes: Mapping[str, Sequence[float]], calibration: Calibration = PLAIN, strangeness: float = 0.0) -> tuple[float, ...]:
    """The calibrated probabilities of one field in contract order.

    Args:
        votes: raw softmax by network, at least one.
        calibration: temperatures; by default none, which gives the plain mean.
        strangeness: how unlike the fields of training it looks, see `Familiarity`.
    """
    stacked = {name: np.asarray(values, dtype=np.float64)[None] for name, values in votes.items()}
    return tuple(float(value) for value in combine(stacked, calibration, np.array([strangeness]))[0])


def combine(votes: Mapping[str, Floats], calibration: Calibration, strangeness: Floats) -> Floats:
    """`consensus` of many fields: (n, classes) by network, (n,) strangeness; gives (n, classes)."""
    if not votes:
        raise ValueError("expected at least one vote")
    if calibration == PLAIN:
        return np.asarray(np.mean(list(votes.values()), axis=0), dtype=np.float64)
    pool = pooled(votes, calibration.temperatures, calibration.rule)
    warmth = calibration.base + calibration.dissent * disagreement(votes) + calibration.strange * np.clip(strangeness, 0, FAR)
    return tempered(pool, np.exp(warmth))


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
