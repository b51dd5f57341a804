"""From the JSON and the CSV of benchmark files to values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import exp
from statistics import fmean
from typing import Any

from ball.benchmark.store import known_networks
from ball.benchmark.values import (
    METRICS,
    ClassMeasures,
    Counts,
    Epoch,
    Evaluation,
    Fold,
    Masks,
    Measures,
    Pair,
    Prediction,
    Reference,
    Setting,
    Training,
    Vote,
    WeightFile,
)
from ball.labels import LABELS


def reference(document: Any) -> Reference:
    networks = {name: {metric: float(row[metric]) for metric in METRICS} for name, row in known_networks(document["networks"])}
    return Reference(str(document["citation"]), int(document["images"]), int(document["test_fields"]), networks)


def evaluation(document: Any) -> Evaluation:
    networks = {name: _measures(row) for name, row in known_networks(document["networks"])}
    pairs = tuple(map(_pair, document.get("mcnemar", ())))
    folds = tuple(map(_fold, document.get("folds", ())))
    weights = {} if folds else {str(name): str(digest) for name, digest in document.get("weights", {}).items()}
    return Evaluation(int(document["n"]), networks, _measures(document["consensus"]), pairs, folds, weights)


def _pair(row: Any) -> Pair:
    first, second = row["pair"]
    return Pair(str(first), str(second), int(row["first_alone"]), int(row["second_alone"]), float(row["p_holm"]))


def _fold(row: Any) -> Fold:
    voters = {**dict(known_networks(row["networks"])), "consensus": row["consensus"]}
    return Fold(int(row["fold"]), int(row["n"]), {name: float(one["accuracy"]) for name, one in voters.items()})


def _measures(row: Any) -> Measures:
    return Measures(
        **{metric: float(row[metric]) for metric in METRICS},
        confusion=tuple(tuple(int(count) for count in line) for line in row["confusion"]),
        per_class={
            label: ClassMeasures(_maybe(one.get("sensitivity")), _maybe(one.get("specificity")), int(one["support"]))
            for label, one in row.get("per_class", {}).items()
        },
        intervals={metric: (float(ends[0]), float(ends[1])) for metric, ends in row.get("ci95", {}).items() if ends},
        ece=_maybe(row.get("ece")),
        malignant_sensitivity=_maybe((row.get("malignant") or {}).get("sensitivity")),
        balanced_accuracy=_maybe(row.get("balanced_accuracy")),
        coverage=_maybe(row.get("coverage")),
        wrong_and_unflagged=_maybe(row.get("wrong_and_unflagged")),
    )


def training(document: Any) -> Training:
    epochs = tuple(Epoch(**{key: each[key] for key in Epoch.__dataclass_fields__}) for each in document["epochs"])
    if not epochs:
        raise ValueError("it has no epoch")
    weights = {str(name): str(digest) for name, digest in document.get("weights", {}).items()}
    return Training(str(document["network"]), str(document["command"]), epochs, weights)


def counts(document: Any) -> Counts:
    def by_class(row: Any) -> dict[str, int]:
        return {label: int(row.get(label, 0)) for label in LABELS}

    parts = document.get("parts") or {}
    return Counts(by_class(document["counts"]), {str(part): by_class(row) for part, row in parts.items()})


def predictions(rows: list[dict[str, str]]) -> tuple[Prediction, ...]:
    labels, voters = _by_file(rows, tuple)
    return tuple(
        Prediction(file, labels[file], tuple(Vote(*each) for each in known_networks(votes)), votes["consensus"])
        for file, votes in voters.items()
    )


def held_out(rows: list[dict[str, str]]) -> tuple[Prediction, ...]:
    """Logits to probabilities, and their mean over the networks that read every field."""
    labels, voters = _by_file(rows, _softmax)
    complete = set.intersection(*(set(votes) for votes in voters.values()))
    if not complete:
        raise ValueError("no network read every field")
    return tuple(
        Prediction(file, labels[file], tuple(Vote(name, values) for name, values in known_networks(votes)),
                   tuple(fmean(each) for each in zip(*(votes[name] for name in sorted(complete)), strict=True)))
        for file, votes in voters.items()
    )  # fmt: skip


def _by_file(
    rows: list[dict[str, str]], shares: Callable[[list[float]], tuple[float, ...]]
) -> tuple[dict[str, str], dict[str, dict[str, tuple[float, ...]]]]:
    """The label of every file, and what each voter said of it, as ``shares`` makes it of the four numbers of a row."""
    if not rows:
        raise ValueError("it has no field")
    labels: dict[str, str] = {}
    voters: dict[str, dict[str, tuple[float, ...]]] = {}
    for row in rows:
        labels[row["file"]] = row["label"]
        voters.setdefault(row["file"], {})[row["network"]] = shares([float(row[label]) for label in LABELS])
    return labels, voters


def _softmax(logits: Sequence[float]) -> tuple[float, ...]:
    top = max(logits)
    shares = [exp(each - top) for each in logits]
    return tuple(each / sum(shares) for each in shares)


def masks(document: Any) -> Masks:
    settings = {
        (row["clusters"], row["min_object"]): Setting(
            int(row["clusters"]), int(row["min_object"]), float(row["nucleus_dice"]["mean"]), float(row["cell_dice"]["mean"])
        )
        for row in document["cells"]["settings"]
    }
    default = settings[document["defaults"]["clusters"], document["defaults"]["min_object"]]
    return Masks(int(document["cells"]["n"]), tuple(settings.values()), default)


def weight_files(document: Any) -> tuple[WeightFile, ...]:
    return tuple(
        WeightFile(name, str(row["file"]), str(row["sha256"]), int(row["bytes"]), str(row.get("command", "")))
        for name, row in known_networks(document["networks"])
    )


def _maybe(value: Any) -> float | None:
    return None if value is None else float(value)
