"""The files of the audit, of tuning and of the ingredients beside the weights, as frozen values.

Nothing here computes a figure; the constants name the commands that do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ball.benchmark.store import known_networks, load_file
from ball.benchmark.values import MEASURES
from ball.labels import LABELS
from ball.names import TITLES

BASELINES: Final = "python -m ball audit DATA/all --only baselines"
ROBUSTNESS: Final = "python -m ball audit DATA/all --only robustness --hires DATA/hires"
TUNING: Final = "python -m ball tune --data DATA/all --pbc PBC"
INGREDIENTS: Final = "python -m benchmarks.ingredients DATA --json weights/benchmark/ingredients.json"


@dataclass(frozen=True)
class Baseline:
    """What a classifier without a network reached.

    ``figures``: measures, 0..1; ``folds``: accuracy by fold, where there are any; ``of_colour``: whether it goes by colour.
    """

    name: str
    title: str
    figures: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    folds: tuple[float, ...]
    of_colour: bool = True


@dataclass(frozen=True)
class Change:
    """One way to change a field. By voter: accuracy, points of it lost and share of labels turned, all 0..1."""

    name: str
    title: str
    kind: str
    accuracy: Mapping[str, float]
    lost: Mapping[str, float]
    turned: Mapping[str, float]

    @property
    def of_picture(self) -> bool:
        """Whether the picture is what changes; without the mask it is the method that does, and without cells what is in the picture."""
        return self.kind not in {"none", "mask", "cells"}


@dataclass(frozen=True)
class Original:
    """A field at its first size against its small copy: by voter how far the probability moved, and who stayed the same."""

    file: str
    copy: str
    moved: Mapping[str, float]
    same: Mapping[str, bool]


@dataclass(frozen=True)
class Robustness:
    """The test part of the split paper, ``n`` of its ``of`` fields, read again with its fields changed; the first change is none."""

    n: int
    of: int
    changes: tuple[Change, ...]
    originals: tuple[Original, ...]
    weights: Mapping[str, str]

    def __post_init__(self) -> None:
        if not self.changes or not self.changes[0].accuracy:
            raise ValueError("it tells of no change")


@dataclass(frozen=True)
class Trial:
    """One cell of the tuning grid. Accuracy and loss are of the validation part; the loss is None where it was not finite."""

    optimiser: str
    rate: float
    epochs: int
    accuracy: float
    loss: float | None


@dataclass(frozen=True)
class Tuning:
    """The grid by network, at images of ``side`` pixels."""

    side: int
    n: int
    command: str
    networks: Mapping[str, tuple[Trial, ...]]


@dataclass(frozen=True)
class Arm:
    """One way of training, judged on stains held out within the training part: measures 0..1, recall by label.

    ``precision``: what it was computed in, as Lightning names it.
    """

    name: str
    title: str
    accuracy: float
    macro_recall: float
    loss: float
    recall: Mapping[str, float]
    precision: str


@dataclass(frozen=True)
class Ingredients:
    """The arms in their order, of ``network``, on ``n`` fields of the folds ``held_out``; ``unseen_fold`` had no part in them.

    ``starts``: by network the same way of training from PBC cells and from a random start; `network` is among them.
    ``exam``: what one arm, fitted at full size, came to on the unseen fold; None where that was not looked at. ``epochs``: how many
    on whole fields it had, and the folds have.
    """

    network: str
    n: int
    held_out: tuple[int, ...]
    unseen_fold: int
    arms: tuple[Arm, ...]
    starts: Mapping[str, tuple[Arm, Arm]] = field(default_factory=dict)
    exam: Arm | None = None
    epochs: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        if not self.arms:
            raise ValueError("it tells of no arm")

    @property
    def usual(self) -> Arm:
        """What the others are compared with: little stain jitter, as the folds are trained; the first where that was not measured."""
        return next((each for each in self.arms if each.name == "jitter"), self.arms[0])

    @property
    def best(self) -> Arm:
        """The arm of highest macro recall; of least loss where several reach it."""
        return max(self.arms, key=lambda each: (each.macro_recall, -each.loss))


def load_baselines(protocol: str) -> tuple[Baseline, ...]:
    """What colour alone, and size and shape of the cells alone, achieve on a protocol (``paper`` or ``stain``).

    Raises:
        NotMeasuredError: the file is missing or not as expected.
    """
    return load_file("baselines.json", BASELINES, lambda document: _baselines(document[protocol]))


def load_robustness() -> Robustness:
    """How the networks do on changed fields.

    Raises:
        NotMeasuredError: the file is missing or not as expected.
    """
    return load_file("robustness.json", ROBUSTNESS, _robustness)


def load_tuning() -> Tuning:
    """The tuning grid.

    Raises:
        NotMeasuredError: the file is missing or not as expected.
    """
    return load_file("tuning.json", TUNING, _tuning)


def load_ingredients() -> Ingredients:
    """What each ingredient of training buys on held-out stains.

    Raises:
        NotMeasuredError: the file is missing or not as expected.
    """
    return load_file("ingredients.json", INGREDIENTS, _ingredients)


def best(trials: tuple[Trial, ...]) -> Trial:
    """The trial of highest validation accuracy; of least loss where several reach it."""
    return max(trials, key=lambda each: (each.accuracy, -each.loss if each.loss is not None else float("-inf")))


def _baselines(document: Any) -> tuple[Baseline, ...]:
    return tuple(
        Baseline(
            str(name), str(row["title"]), {metric: float(row[metric]) for metric in MEASURES if metric in row},
            {metric: (float(ends[0]), float(ends[1])) for metric, ends in row["ci95"].items() if ends},
            tuple(float(each) for each in row.get("folds", ())), bool(row.get("of_colour", True)),
        )
        for name, row in document["baselines"].items()
    )  # fmt: skip


def _robustness(document: Any) -> Robustness:
    return Robustness(
        int(document["n"]), int(document["of"]), tuple(map(_change, document["conditions"])), tuple(map(_original, document["originals"])),
        {str(name): str(digest) for name, digest in document["weights"].items()},
    )  # fmt: skip


def _change(row: Any) -> Change:
    def of(key: str) -> dict[str, float]:
        return {voter: float(row["voters"][voter][key]) for voter in (*TITLES, "consensus") if voter in row["voters"]}

    return Change(str(row["name"]), str(row["title"]), str(row["kind"]), of("accuracy"), of("lost"), of("turned"))


def _original(row: Any) -> Original:
    voters = {voter: row["voters"][voter] for voter in (*TITLES, "consensus") if voter in row["voters"]}
    moved, same = ({voter: each[key] for voter, each in voters.items()} for key in ("moved", "same"))
    return Original(str(row["file"]), str(row["copy"]), {voter: float(each) for voter, each in moved.items()}, same)


def _tuning(document: Any) -> Tuning:
    networks = {
        name: tuple(
            Trial(str(row["optimiser"]), float(row["rate"]), int(row["epochs"]), float(row["val_accuracy"]),
                  None if row["val_loss"] is None else float(row["val_loss"]))
            for row in rows
        )
        for name, rows in known_networks(document["networks"])
    }  # fmt: skip
    if not any(networks.values()):
        raise ValueError("it tells of no trial")
    return Tuning(int(document["side"]), int(document["n"]), str(document["command"]), networks)


def _ingredients(document: Any) -> Ingredients:
    rows = document["arms"]
    arms = tuple(_arm(name, row) for name, row in rows.items())
    pairs = {name: (row["pbc"], row["scratch"]) for name, row in document.get("starts", {}).items()}
    if {"jitter", "scratch"} <= rows.keys():
        pairs.setdefault(document["network"], (rows["jitter"], rows["scratch"]))
    starts = {name: (_arm("pbc", pbc), _arm("scratch", scratch)) for name, (pbc, scratch) in known_networks(pairs)}
    held_out = tuple(int(fold) for fold in document["held_out"])
    n = max((int(row["n"]) for row in rows.values()), default=0)
    exam = document.get("exam")
    examined = _arm(exam["arm"], exam) if exam else None
    epochs = (int(exam["epochs_on_whole_fields"]), int(exam["of_the_folds"])) if exam else (0, 0)
    return Ingredients(str(document["network"]), n, held_out, int(document["unseen_fold"]), arms, starts, examined, epochs)


def _arm(name: str, row: Any) -> Arm:
    recall = {label: float(row["recall"][label]) for label in LABELS}
    title, precision = str(row["title"]), str(row["precision"])
    return Arm(str(name), title, float(row["accuracy"]), float(row["macro_recall"]), float(row["loss"]), recall, precision)
