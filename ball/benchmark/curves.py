"""Curves of one voter over a set of predictions: how far its probability can be trusted, and what a threshold would buy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ball.benchmark.values import Prediction
from ball.labels import LABELS

BINS: Final = 10
"""Bins of a reliability diagram, of equally many fields."""

MALIGNANT: Final = "Malignant"
"""Title of the curve of Benign against the three other classes."""


@dataclass(frozen=True)
class Roc:
    """Sensitivity over 1 - specificity of one label against the rest, both 0..1, with the area under the curve."""

    label: str
    false_positives: tuple[float, ...]
    sensitivity: tuple[float, ...]
    area: float


@dataclass(frozen=True)
class Reliability:
    """Mean probability of the leading label and share of fields read rightly, both 0..1, by bin."""

    probability: tuple[float, ...]
    right: tuple[float, ...]

    @property
    def widest(self) -> int:
        """Index of the bin where the two are furthest apart."""
        return max(range(len(self.right)), key=lambda index: abs(self.probability[index] - self.right[index]))


def probabilities(predictions: Sequence[Prediction], voter: str) -> list[tuple[Prediction, tuple[float, ...]]]:
    """The fields that a voter (a network, or ``consensus``) read, each with its probabilities."""
    if voter == "consensus":
        return [(each, each.consensus) for each in predictions]
    return [(each, vote.probabilities) for each in predictions for vote in each.votes if vote.network == voter]


def rocs(predictions: Sequence[Prediction], voter: str) -> tuple[Roc, ...]:
    """The curve of each label against the rest, and of Benign against all malignant ones; those with fields on one side are left out."""
    from sklearn.metrics import auc, roc_curve

    said = probabilities(predictions, voter)
    scores = {
        label: ([each.label == label for each, _ in said], [values[place] for _, values in said]) for place, label in enumerate(LABELS)
    }
    benign = scores[LABELS[0]]
    scores[MALIGNANT] = ([not each for each in benign[0]], [1 - each for each in benign[1]])
    found = []
    for label, (truth, score) in scores.items():
        if any(truth) and not all(truth):
            wrong, right, _ = roc_curve(truth, score)
            found.append(Roc(label, tuple(wrong.tolist()), tuple(right.tolist()), float(auc(wrong, right))))
    return tuple(found)


def reliability(predictions: Sequence[Prediction], voter: str) -> Reliability:
    """Probability against share right, in bins of equally many fields (ties stay together)."""
    from sklearn.calibration import calibration_curve

    said = probabilities(predictions, voter)
    leading = [max(values) for _, values in said]
    truth = [LABELS[values.index(max(values))] == each.label for each, values in said]
    right, probability = calibration_curve(truth, leading, n_bins=min(BINS, len(said)), strategy="quantile", pos_label=True)
    return Reliability(tuple(probability.tolist()), tuple(right.tolist()))
