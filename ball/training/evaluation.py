"""The figures of `python -m ball evaluate`: what the networks and their consensus are worth on labelled fields.

Every figure uses the largest probability of every decoded field, refused or not. A figure that is undefined (a
class without a field, one class alone) is None.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    f1_score,
    precision_recall_fscore_support,
    recall_score,
    roc_auc_score,
)

from ball.labels import LABELS

if TYPE_CHECKING:
    from ball.reading import Reading

CONSENSUS: Final = "consensus"
BINS: Final = 15
"""Bins of the calibration error; as many fields fall into each, as far as ties allow."""

RESAMPLES: Final = 2000
RESAMPLED: Final = ("accuracy", "balanced_accuracy", "f1", "recall", "precision", "macro_f1")
"""Figures that get an interval, besides the loss; weighted recall is the accuracy."""

DIGITS: Final = 6
"""Digits that figures are rounded to, so that a file of them is the same byte for byte when made again."""

_CLASSES: Final = range(len(LABELS))
_BENIGN: Final = LABELS.index("Benign")

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]


@dataclass(frozen=True)
class Groups:
    """What a bootstrap draws whole. ``numbers``: (n,) group of each field. ``strata``: (n,) what to draw within, None for all alike."""

    numbers: Integers
    strata: Integers | None = None


@dataclass(frozen=True)
class Results:
    """What was said of n decoded fields.

    ``targets`` and ``groups``: (n,) index of the true label, number of the group of twins. ``probabilities``: (n, classes)
    raw softmax by network. ``consensus``: (n, classes). ``suggestions`` and ``flagged``: (n,). ``weights``: SHA-256 of the weight
    file by network.

    Raises:
        ValueError: lengths that differ.
    """

    files: tuple[str, ...]
    targets: Integers
    groups: Integers
    probabilities: Mapping[str, Floats]
    consensus: Floats
    suggestions: tuple[str | None, ...]
    flagged: NDArray[np.bool_]
    errors: tuple[str, ...] = ()
    weights: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lengths = [len(self.targets), len(self.groups), len(self.suggestions), len(self.flagged), *map(len, self.voters.values())]
        if set(lengths) != {len(self.files)}:
            raise ValueError(f"expected {len(self.files)} values in every column, got {lengths}")

    @property
    def voters(self) -> dict[str, Floats]:
        """Probabilities of every network and, last, of the consensus."""
        return {**self.probabilities, CONSENSUS: self.consensus}


def collect(files: Sequence[str], targets: Sequence[int], readings: Sequence[Reading], groups: Integers, errors: Iterable[str]) -> Results:
    """Gather readings of decoded fields, all by the same networks, into columns."""
    networks = [vote.network for vote in readings[0].votes] if readings else []
    votes = np.array([[vote.probabilities for vote in reading.votes] for reading in readings], dtype=np.float64)
    return Results(
        files=tuple(files),
        targets=np.asarray(targets, dtype=np.intp),
        groups=groups,
        probabilities={name: votes[:, index] for index, name in enumerate(networks)},
        consensus=np.array([reading.consensus for reading in readings], dtype=np.float64),
        suggestions=tuple(reading.suggestion for reading in readings),
        flagged=np.array([bool(reading.flags) for reading in readings], dtype=np.bool_),
        errors=tuple(errors),
        weights=dict(readings[0].weights) if readings else {},
    )


def report(results: Results, seed: int = 0) -> dict[str, Any]:
    """The document of `python -m ball evaluate`: JSON values alone, floats rounded, undefined figures None."""
    groups = Groups(results.groups)
    networks = {name: metrics(values, results.targets, groups, seed) for name, values in results.probabilities.items()}
    document = {
        "n": len(results.files),
        "classes": list(LABELS),
        "errors": list(results.errors),
        "networks": networks,
        "consensus": {**metrics(results.consensus, results.targets, groups, seed), **trust(results)},
        "mcnemar": pairs({name: values.argmax(axis=1) for name, values in results.voters.items()}, results.targets),
        "weights": dict(results.weights),
    }
    whole: dict[str, Any] = rounded(document)
    return whole


def metrics(probabilities: Floats, targets: Integers, groups: Groups, seed: int = 0) -> dict[str, Any]:
    """Every figure of one voter.

    ``f1``, ``recall`` and ``precision`` are weighted by support, as in the source paper; ``balanced_accuracy``, ``macro_f1``
    and ``auroc`` (one against the rest) are means over the classes that have a field. ``loss`` is the mean negative
    natural logarithm of the true label's probability, ``ece`` the expected calibration error (see `calibration_error`),
    ``ci95`` the bootstrap interval (see `intervals`), ``malignant`` Benign against the three other classes.

    Args:
        probabilities: (n, classes), rows that sum to 1; n at least 1.
        targets: (n,) index of the true label.
        groups: what the bootstrap draws whole.
        seed: of the bootstrap.
    """
    called = probabilities.argmax(axis=1)
    present = np.unique(targets)
    precision, recall, f1, _ = precision_recall_fscore_support(targets, called, labels=_CLASSES, average="weighted", zero_division=0)
    areas = [_area(targets == index, probabilities[:, index]) for index in present]
    losses = _losses(probabilities, targets)
    table = confusion_matrix(targets, called, labels=_CLASSES)
    return {
        "accuracy": accuracy_score(targets, called),
        "balanced_accuracy": recall_score(targets, called, labels=present, average="macro", zero_division=0),
        "f1": f1,
        "recall": recall,
        "precision": precision,
        "macro_f1": f1_score(targets, called, labels=present, average="macro", zero_division=0),
        "loss": float(losses.mean()),
        "auroc": float(np.mean(areas)),
        "ece": calibration_error(probabilities, targets),
        "confusion": table.tolist(),
        "per_class": {label: {**_rates(targets == index, called == index), "support": int(table[index].sum())}
                      for index, label in enumerate(LABELS)},
        "malignant": {**_rates(targets != _BENIGN, called != _BENIGN), "auroc": _area(targets != _BENIGN, 1 - probabilities[:, _BENIGN])},
        "ci95": intervals(called, targets, groups, losses, seed),
    }


def trust(results: Results) -> dict[str, float]:
    """What the suggestions are worth: shares of n, and the accuracy where a label was given."""
    given = np.array([suggestion in LABELS for suggestion in results.suggestions])
    right = np.array([suggestion == LABELS[target] for suggestion, target in zip(results.suggestions, results.targets, strict=True)])
    return {
        "coverage": float(given.mean()),
        "accuracy_when_given": float(right[given].mean()) if given.any() else math.nan,
        "flagged": float(results.flagged.mean()),
        "wrong_and_unflagged": float((given & ~right & ~results.flagged).mean()),
    }


def calibration_error(probabilities: Floats, targets: Integers) -> float:
    """Expected calibration error of the largest probability.

    Fields are cut at the quantiles of that probability into 15 bins of equal mass (ties stay together). The error is the
    mean over bins, weighted by fields, of |mean probability - share right|.
    """
    confidence = probabilities.max(axis=1)
    gap = confidence - (probabilities.argmax(axis=1) == targets)
    cuts = np.quantile(confidence, np.linspace(0, 1, BINS + 1)[1:-1])
    bins = np.searchsorted(cuts, confidence, side="left")
    return float(np.abs(np.bincount(bins, weights=gap)).sum() / len(targets))


def intervals(
    called: Integers, targets: Integers, groups: Groups, losses: Floats | None = None, seed: int = 0
) -> dict[str, list[float] | None]:
    """95 % percentile bootstrap, 2000 resamples of whole groups, seeded, of every figure in `RESAMPLED` (and the loss).

    A field without a twin is a group of one. The fields of one patient are no group here, since patients are not known:
    between patients the figures vary more than these intervals say. None where a stratum holds one group alone.

    Args:
        called: (n,) index of the label read.
        targets: (n,) index of the true label.
        groups: what is drawn whole, and within which strata.
        losses: (n,) of each field; without them the loss gets no interval.
        seed: of the draws.
    """
    names, group = np.unique(groups.numbers, return_inverse=True)
    strata = np.zeros(len(names), dtype=np.intp)
    if groups.strata is not None:
        strata[group] = groups.strata
    samples = [np.flatnonzero(strata == each) for each in np.unique(strata)]
    kinds = (*RESAMPLED, "loss") if losses is not None else RESAMPLED
    if min(map(len, samples)) < 2:
        return dict.fromkeys(kinds)
    tables = np.zeros((len(names), len(LABELS), len(LABELS)))
    np.add.at(tables, (group, targets, called), 1)
    sums = np.bincount(group, weights=losses, minlength=len(names))
    present = np.unique(targets)

    def figures(*drawn: Integers, axis: int = -1) -> Floats:
        table = sum(tables[each].sum(axis=each.ndim + axis) for each in drawn)
        loss = sum(sums[each].sum(axis=axis) for each in drawn)
        return np.stack([*_from_tables(np.asarray(table), present), *([loss / np.sum(table, axis=(-2, -1))] if losses is not None else [])])

    drawn = bootstrap(samples, figures, n_resamples=RESAMPLES, batch=50, vectorized=True, method="percentile", rng=seed)
    ends = np.transpose([drawn.confidence_interval.low, drawn.confidence_interval.high]).tolist()
    return dict(zip(kinds, ends, strict=True))


def _from_tables(tables: Floats, present: Integers) -> list[Floats]:
    """The figures of `RESAMPLED` from confusion tables (..., classes, classes); a class missing from a resample is skipped."""
    right, true, read = np.diagonal(tables, axis1=-2, axis2=-1), tables.sum(axis=-1), tables.sum(axis=-2)
    total = true.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        recall, f1 = right / true, 2 * right / (true + read)
        precision = np.where(read > 0, right / read, 0.0)
    accuracy = right.sum(axis=-1) / total
    weighted = [(true * np.nan_to_num(each)).sum(axis=-1) / total for each in (f1, precision)]
    return [accuracy, np.nanmean(recall[..., present], axis=-1), weighted[0], accuracy, weighted[1], np.nanmean(f1[..., present], axis=-1)]


def pairs(called: Mapping[str, Integers], targets: Integers) -> list[dict[str, Any]]:
    """Whether two voters differ in accuracy: exact McNemar on the fields that one alone reads rightly, every pair, p by Holm.

    Args:
        called: (n,) index of the label read, by voter.
        targets: (n,) index of the true label.
    """
    from statsmodels.stats.contingency_tables import mcnemar
    from statsmodels.stats.multitest import multipletests

    right = {name: values == targets for name, values in called.items()}
    found = []
    for one, other in combinations(right, 2):
        table = confusion_matrix(right[one], right[other], labels=[True, False])
        p = float(mcnemar(table, exact=True).pvalue)
        found.append({"pair": [one, other], "first_alone": int(table[0, 1]), "second_alone": int(table[1, 0]), "p": min(p, 1.0)})
    if found:
        adjusted = multipletests([each["p"] for each in found], method="holm")[1]
        found = [{**each, "p_holm": float(value)} for each, value in zip(found, adjusted, strict=True)]
    return found


def prediction_rows(results: Results) -> list[list[Any]]:
    """One row a field and voter, the consensus last: file, true label, voter, rounded probabilities in contract order."""
    return [
        [file, LABELS[results.targets[index]], name, *(round(float(value), DIGITS) for value in values[index])]
        for index, file in enumerate(results.files)
        for name, values in results.voters.items()
    ]


def _losses(probabilities: Floats, targets: Integers) -> Floats:
    """Negative natural logarithm of each field. Not sklearn's log_loss: that one counts all below 2.2e-16 as 2.2e-16."""
    true = probabilities[np.arange(len(targets)), targets]
    return np.asarray(-np.log(np.maximum(true, np.finfo(np.float64).tiny)))


def _rates(truth: NDArray[np.bool_], called: NDArray[np.bool_]) -> dict[str, float]:
    """Sensitivity and specificity of a yes or no; not a number where no field could show it."""
    return {
        "sensitivity": recall_score(truth, called, pos_label=True, zero_division=math.nan),
        "specificity": recall_score(truth, called, pos_label=False, zero_division=math.nan),
    }


def _area(truth: NDArray[np.bool_], score: Floats) -> float:
    """Area under the ROC curve; not a number where all fields are on one side."""
    return float(roc_auc_score(truth, score)) if truth.any() and not truth.all() else math.nan


def rounded(value: Any) -> Any:
    """JSON values: floats rounded, None for what is not a number."""
    if isinstance(value, Mapping):
        return {key: rounded(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(each) for each in value]
    if isinstance(value, (float, np.floating)):
        return round(float(value), DIGITS) if math.isfinite(value) else None
    return value
