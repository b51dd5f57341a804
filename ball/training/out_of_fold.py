"""Out-of-fold predictions of the stain protocol: each field read by networks that never saw its stain.

One CSV holds them, and every figure of that protocol derives from it: no image is needed, nor the weights of the folds,
which are not part of the project.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from ball.labels import LABELS
from ball.names import TITLES
from ball.training.evaluation import CONSENSUS, DIGITS, Groups, metrics, pairs, rounded

HEADER: Final = ("file", "fold", "label", "group", "network", "weights", *LABELS)
"""Columns. ``group`` numbers the groups of twins, ``weights`` is the SHA-256 of the weight file; the last four hold logits."""

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]


@dataclass(frozen=True)
class OutOfFold:
    """What networks said of n fields that were held out from them.

    ``folds``, ``targets`` and ``groups``: (n,) fold, index of the true label, number of the group of twins. ``logits``: (n,
    classes) by network in contract order, not a number where a network was not trained for that fold. ``weights``: SHA-256
    by network and fold.

    Raises:
        ValueError: lengths that differ.
    """

    files: tuple[str, ...]
    folds: Integers
    targets: Integers
    groups: Integers
    logits: Mapping[str, Floats]
    weights: Mapping[str, Mapping[int, str]]

    def __post_init__(self) -> None:
        lengths = [len(self.folds), len(self.targets), len(self.groups), *map(len, self.logits.values())]
        if set(lengths) != {len(self.files)}:
            raise ValueError(f"expected {len(self.files)} values in every column, got {lengths}")

    @property
    def complete(self) -> tuple[str, ...]:
        """Networks that read every field: those that pooled figures are of."""
        return tuple(name for name, values in self.logits.items() if not np.isnan(values).any())

    def probabilities(self, networks: Iterable[str] | None = None) -> dict[str, Floats]:
        """Softmax (n, classes) of some networks, the complete ones where not said, in contract order."""
        return {name: softmax(self.logits[name], axis=1) for name in (self.complete if networks is None else networks)}

    def part(self, keep: NDArray[np.bool_]) -> OutOfFold:
        """The fields where ``keep`` (n,) is true; networks that read none of them are left out."""
        logits = {name: values[keep] for name, values in self.logits.items() if not np.isnan(values[keep]).all()}
        files = tuple(file for file, kept in zip(self.files, keep, strict=True) if kept)
        return OutOfFold(files, self.folds[keep], self.targets[keep], self.groups[keep], logits, self.weights)


def rows(found: OutOfFold) -> list[list[Any]]:
    """Lines of the CSV under `HEADER`, one a field and network that read it."""
    lines: list[list[Any]] = []
    for index, (file, fold, target, group) in enumerate(zip(found.files, found.folds, found.targets, found.groups, strict=True)):
        for name, logits in found.logits.items():
            if not np.isnan(logits[index]).any():
                values = [round(float(each), DIGITS) for each in logits[index]]
                lines.append([file, int(fold), LABELS[target], int(group), name, found.weights[name][int(fold)], *values])
    return lines


def load(path: Path) -> OutOfFold:
    """Read a CSV of out-of-fold predictions.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no such file; the text is a sentence.
    """
    with path.open(newline="", encoding="utf-8") as stream:
        lines = list(csv.DictReader(stream))
    if not lines or not set(HEADER) <= set(lines[0]):
        raise ValueError(f"{path} holds no out-of-fold predictions: expected the columns {', '.join(HEADER)}.")
    try:
        return _gather(lines)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is damaged ({error}).") from error


def _gather(lines: Sequence[Mapping[str, str]]) -> OutOfFold:
    first = {line["file"]: line for line in reversed(lines)}
    files = tuple(dict.fromkeys(line["file"] for line in lines))
    place = {file: index for index, file in enumerate(files)}
    logits = {name: np.full((len(files), len(LABELS)), np.nan) for name in TITLES if name in {line["network"] for line in lines}}
    weights: dict[str, dict[int, str]] = {name: {} for name in logits}
    for line in lines:
        values = [float(line[column]) for column in LABELS]
        if not np.isfinite(values).all():
            raise ValueError(f"no finite logits for {line['file']}")
        logits[line["network"]][place[line["file"]]] = values
        weights[line["network"]][int(line["fold"])] = line["weights"]

    def column(name: str) -> Integers:
        return np.array([int(first[file][name]) for file in files], dtype=np.intp)

    targets = np.array([LABELS.index(first[file]["label"]) for file in files], dtype=np.intp)
    return OutOfFold(files, column("fold"), targets, column("group"), logits, weights)


def join(parts: Sequence[OutOfFold], groups: Integers) -> OutOfFold:
    """Folds one after the other, with group numbers over all of them."""
    names = [name for name in TITLES if any(name in part.logits for part in parts)]
    logits = {
        name: np.concatenate([part.logits.get(name, np.full((len(part.files), len(LABELS)), np.nan)) for part in parts]) for name in names
    }
    weights = {name: {fold: one for part in parts for fold, one in part.weights.get(name, {}).items()} for name in names}
    files = tuple(file for part in parts for file in part.files)
    folds, targets = (np.concatenate([getattr(part, column) for part in parts]) for column in ("folds", "targets"))
    return OutOfFold(files, folds, targets, groups, logits, weights)


def filled(part: OutOfFold, before: OutOfFold) -> OutOfFold:
    """A fold, and of the networks that did not read it what ``before`` says of its files, known by name without folders."""
    place = {PurePosixPath(file).name: index for index, file in enumerate(before.files)}
    found = [place.get(PurePosixPath(file).name, -1) for file in part.files]
    index, here = np.maximum(found, 0), np.array(found) >= 0
    # A field that moved to another fold was read by networks that know its stain.
    here &= before.folds[index] == part.folds
    added = {name: np.where(here[:, None], values[index], np.nan) for name, values in before.logits.items() if name not in part.logits}
    added = {name: values for name, values in added.items() if not np.isnan(values).all()}
    weights = {name: {fold: one for fold, one in before.weights[name].items() if fold in part.folds} for name in added}
    return replace(part, logits={**part.logits, **added}, weights={**part.weights, **weights})


def stains(found: OutOfFold) -> Groups:
    """Groups for the bootstrap: whole stain clusters, drawn within their class.

    A fold of stain.json holds one cluster of each class. Fields of one cluster are alike, and are right or wrong together.
    """
    return Groups(found.folds * len(LABELS) + found.targets, strata=found.targets)


def report(found: OutOfFold, errors: Sequence[str] = ()) -> dict[str, Any]:
    """The document of `python -m ball evaluate` for the pooled folds, and each fold by itself.

    Pooled figures are of the networks that were trained for every fold, intervals by whole stain clusters. Within a fold,
    which holds one cluster a class, they are by groups of twins, and of the networks trained for that fold; its consensus is
    that of the pooled ones.

    Raises:
        ValueError: no network was trained for every fold.
    """
    if not found.complete:
        raise ValueError("No network was trained for every fold, so nothing can be pooled.")
    folds = [_one(found.part(found.folds == fold), int(fold), found.complete) for fold in np.unique(found.folds)]
    document = _figures(found.probabilities(), found.targets, stains(found), found.complete)
    weights = {name: {str(fold): one for fold, one in sorted(found.weights[name].items())} for name in found.logits}
    whole = {"n": len(found.files), "classes": list(LABELS), "errors": list(errors), **document, "folds": folds, "weights": weights}
    result: dict[str, Any] = rounded(whole)
    return result


def _one(part: OutOfFold, fold: int, pooled: Sequence[str]) -> dict[str, Any]:
    document = _figures(part.probabilities(), part.targets, Groups(part.groups), pooled)
    return {"fold": fold, "n": len(part.files), "networks": document["networks"], "consensus": document["consensus"]}


def _figures(probabilities: Mapping[str, Floats], targets: Integers, groups: Groups, pooled: Sequence[str]) -> dict[str, Any]:
    consensus = np.mean([probabilities[name] for name in pooled], axis=0)
    called = {**{name: values.argmax(axis=1) for name, values in probabilities.items()}, CONSENSUS: consensus.argmax(axis=1)}
    return {
        "networks": {name: metrics(values, targets, groups) for name, values in probabilities.items()},
        "consensus": metrics(consensus, targets, groups),
        "mcnemar": pairs(called, targets),
    }
