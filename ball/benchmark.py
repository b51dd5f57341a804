"""The benchmark files beside the weights, as frozen values.

Nothing here computes a figure; the constants below name the commands that do.
"""

from __future__ import annotations

import csv
import json
import os
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import exp
from pathlib import Path
from statistics import fmean
from typing import Any, Final, TypeVar

from ball.labels import LABELS
from ball.names import TITLES
from ball.places import CALIBRATE, train_command, weights_folder

METRICS: Final[Mapping[str, str]] = {"accuracy": "Accuracy", "f1": "F1", "recall": "Recall", "precision": "Precision", "loss": "Test loss"}
"""The paper's five measures and their titles."""

MEASURES: Final[Mapping[str, str]] = {**METRICS, "balanced_accuracy": "Macro recall"}
"""The measures that can be shown: the paper's five, and the mean recall of the four classes, which no large class carries."""

PROTOCOLS: Final[Mapping[str, str]] = {"stain": "Stain held out", "paper": "Random split"}
"""The two ways to part training from test, the harder one first."""

EVALUATE: Final[Mapping[str, str]] = {
    "paper": "python -m ball evaluate DATA/all --split paper --part test"
    " --json weights/benchmark/paper-test.json --predictions weights/benchmark/predictions-paper-test.csv",
    "stain": "python -m ball evaluate weights/benchmark/predictions-stain.csv --json weights/benchmark/stain-test.json",
}
"""The command behind the figures of each protocol."""

PREDICT: Final[Mapping[str, str]] = {
    "paper": EVALUATE["paper"],
    "stain": "python -m ball evaluate DATA/all --split stain --part test --weights FOLDS"
    " --predictions weights/benchmark/predictions-stain.csv",
}
"""The command behind the predictions of each protocol; FOLDS holds the weights of the folds, stain-0 to stain-4."""

_PREDICTIONS: Final = {"paper": "predictions-paper-test.csv", "stain": "predictions-stain.csv"}

CHECK: Final = "python -m ball data check DATA/all --json weights/benchmark/data.json"
SEGMENT: Final = "python -m benchmarks.segmentation DATA --json weights/benchmark/segmentation.json"
MASKS: Final = "python -m benchmarks.masks DATA --json weights/benchmark/masks.json"
MAPS: Final = "python -m benchmarks.maps DATA/all --json weights/benchmark/maps.json"
CELLS: Final = "python -m benchmarks.cells DATA/all --json weights/benchmark/cells.json"

T = TypeVar("T")


class NotMeasuredError(RuntimeError):
    """A benchmark file is missing or not as expected. The text is a sentence; ``command`` writes the file."""

    def __init__(self, text: str, command: str) -> None:
        super().__init__(text)
        self.command = command


@dataclass(frozen=True)
class ClassMeasures:
    """One class against the other three. ``sensitivity`` is None where the part holds no field of it."""

    sensitivity: float | None
    specificity: float | None
    support: int


@dataclass(frozen=True)
class Measures:
    """What one network, or the consensus, reached on one part. Shares are 0..1; ``confusion`` has true classes as rows."""

    accuracy: float
    f1: float
    recall: float
    precision: float
    loss: float
    confusion: tuple[tuple[int, ...], ...]
    per_class: Mapping[str, ClassMeasures] = field(default_factory=dict)
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    ece: float | None = None
    malignant_sensitivity: float | None = None
    balanced_accuracy: float | None = None
    coverage: float | None = None
    wrong_and_unflagged: float | None = None

    def __post_init__(self) -> None:
        if len(self.confusion) != len(LABELS) or any(len(row) != len(LABELS) for row in self.confusion):
            raise ValueError(f"the confusion matrix should have {len(LABELS)} rows and columns")
        if any(not 0 <= share <= 1 for share in (self.accuracy, self.f1, self.recall, self.precision)):
            raise ValueError("accuracy, F1, recall and precision should lie between 0 and 1")

    @property
    def wrong(self) -> int:
        """Number of fields off the diagonal."""
        return sum(map(sum, self.confusion)) - sum(row[index] for index, row in enumerate(self.confusion))


@dataclass(frozen=True)
class Pair:
    """Exact McNemar between two voters: fields that one alone reads rightly, and p, adjusted by Holm over all pairs."""

    first: str
    second: str
    first_alone: int
    second_alone: int
    p: float


@dataclass(frozen=True)
class Fold:
    """One fold of the stain protocol: accuracy by voter, 0..1, the consensus among them."""

    number: int
    n: int
    accuracy: Mapping[str, float]


@dataclass(frozen=True)
class Evaluation:
    """One part, read by each network present and by their consensus.

    ``weights``: SHA-256 by network of the weights that read it; empty for the stain protocol, whose weights are not shipped.
    """

    n: int
    networks: Mapping[str, Measures]
    consensus: Measures
    pairs: tuple[Pair, ...] = ()
    folds: tuple[Fold, ...] = ()
    weights: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Reference:
    """The paper's table: five measures by network."""

    citation: str
    images: int
    test_fields: int
    networks: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Epoch:
    """One pass over the training part at one image side."""

    epoch: int
    side: int
    train_loss: float
    val_loss: float
    val_accuracy: float
    seconds: float


@dataclass(frozen=True)
class Training:
    """One network's training log and the command that wrote it."""

    network: str
    command: str
    epochs: tuple[Epoch, ...]
    weights: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Vote:
    """What one network said of one field: its raw softmax in contract order."""

    network: str
    probabilities: tuple[float, ...]

    @property
    def label(self) -> str:
        """Label of the largest probability."""
        return _leading(self.probabilities)


@dataclass(frozen=True)
class Prediction:
    """One test field: its label, the votes in contract order, and the consensus (probabilities in contract order)."""

    file: str
    label: str
    votes: tuple[Vote, ...]
    consensus: tuple[float, ...]

    @property
    def leading(self) -> str:
        """Label that the consensus puts first."""
        return _leading(self.consensus)

    @property
    def dissenters(self) -> tuple[str, ...]:
        """Networks whose vote differs from it."""
        return tuple(vote.network for vote in self.votes if vote.label != self.leading)


@dataclass(frozen=True)
class Counts:
    """Fields by class, over all and by part of the split; ``parts`` is empty where the file does not tell."""

    classes: Mapping[str, int]
    parts: Mapping[str, Mapping[str, int]]

    @property
    def total(self) -> int:
        """Number of fields."""
        return sum(self.classes.values())


@dataclass(frozen=True)
class Setting:
    """One setting of the segmentation on hand-drawn masks: mean Dice of nuclei and of whole cells, 0..1."""

    clusters: int
    min_object: int
    nucleus_dice: float
    cell_dice: float


@dataclass(frozen=True)
class Masks:
    """How the segmentation does on hand-drawn masks, by setting."""

    cells: int
    settings: tuple[Setting, ...]
    default: Setting

    @property
    def best(self) -> Setting:
        """The setting that outlines nuclei best."""
        return max(self.settings, key=lambda each: each.nucleus_dice)


@dataclass(frozen=True)
class WeightFile:
    """One weight file as the manifest names it."""

    network: str
    file: str
    sha256: str
    size: int
    command: str


def benchmark_folder() -> Path:
    """Folder of the benchmark files."""
    return weights_folder() / "benchmark"


def load_reference() -> Reference:
    """The paper's table.

    Raises:
        NotMeasuredError: the file is missing or not as expected.
    """
    return load_file("reference.json", _restore("benchmark/reference.json"), _reference)


def load_evaluation(protocol: str = "paper") -> Evaluation:
    """The test part of a protocol: of the paper's split, or the five held-out stains pooled.

    Raises:
        NotMeasuredError: the file is missing or not as expected.
    """
    return load_file(f"{protocol}-test.json", EVALUATE[protocol], _evaluation)


def load_training(network: str) -> Training:
    """Training log of one network.

    Raises:
        NotMeasuredError: the file is missing or not as expected.
    """
    return load_file(f"training-{network}.json", train_command(network), _training)


def load_counts() -> Counts:
    """Fields by class and part.

    Raises:
        NotMeasuredError: the file is missing or not as expected.
    """
    return load_file("data.json", CHECK, _counts)


def load_predictions(protocol: str = "paper") -> tuple[Prediction, ...]:
    """What every network said of every test field.

    Raises:
        NotMeasuredError: the file is missing or not as expected.
    """
    return load_file(_PREDICTIONS[protocol], PREDICT[protocol], _predictions if protocol == "paper" else _held_out)


def load_masks() -> Masks:
    """The segmentation on hand-drawn masks.

    Raises:
        NotMeasuredError: the file is missing or not as expected.
    """
    return load_file("segmentation.json", SEGMENT, _masks)


def load_closer_masks() -> Mapping[str, Any]:
    """The refined masks on hand-drawn ones, as `benchmarks/masks.py` writes them.

    Raises:
        NotMeasuredError: the file is missing or not as expected.
    """
    return _load_keys("masks.json", MASKS, ("n", "folds", "out_of_fold", "with_defaults", "fields"))


def load_maps() -> Mapping[str, Any]:
    """What the class maps are worth, as `benchmarks/maps.py` writes it.

    Raises:
        NotMeasuredError: the file is missing or not as expected.
    """
    found = _load_keys("maps.json", MAPS, ("command", "n", "weights", "networks"))
    return {**found, "networks": dict(known_networks(found["networks"]))}


def load_deciding_cells() -> Mapping[str, Any]:
    """Whether the weightiest cells decide, as `benchmarks/cells.py` writes it.

    Raises:
        NotMeasuredError: the file is missing or not as expected.
    """
    keys = ("command", "weights", "n", "measured", "taken", "least_cells", "weightiest", "random", "difference", "more_in")
    return _load_keys("cells.json", CELLS, keys)


def load_certainty() -> Mapping[str, Any]:
    """How calibrated the consensus is, and what each limit costs: the document that `python -m ball calibrate` writes.

    Raises:
        NotMeasuredError: the file is missing or not as expected.
    """
    keys = ("basis", "limit", "n", "networks", "calibration_error", "calibration_error_raw", "coverage", "wrong_and_unflagged",
            "benign_and_unflagged", "set_coverage", "set_size", "folds", "curve", "reliability", "slides")  # fmt: skip
    return _load_keys("certainty.json", CALIBRATE, keys)


def load_refusal() -> Mapping[str, Any]:
    """What the gate does to genuine fields and to pictures that are no such smear.

    Raises:
        NotMeasuredError: the file is missing or not as expected.
    """
    return _load_keys("refusal.json", CALIBRATE, ("refuse", "genuine", "families"))


def load_weight_files() -> tuple[WeightFile, ...]:
    """The manifest's weight files, in contract order; those it does not name are left out.

    Raises:
        NotMeasuredError: the manifest is missing or not as expected.
    """
    return load_file("../manifest.json", _restore("manifest.json"), _weight_files)


def _restore(name: str) -> str:
    """The command that brings back a file of the weights folder; `git` knows only the package's own folder."""
    if not os.environ.get("BALL_WEIGHTS"):
        return "git checkout weights"
    target = weights_folder() / name
    return f"mkdir -p {shlex.quote(str(target.parent))} && cp weights/{name} {shlex.quote(str(target))}"


def outdated(weights: Mapping[str, str]) -> tuple[str, ...]:
    """Networks whose figures were made with other weights than those in the weights folder.

    Args:
        weights: SHA-256 by network, as a benchmark file names them.

    Returns:
        Names in contract order; empty where the manifest cannot be read, since nothing is known then.
    """
    try:
        shipped = {each.network: each.sha256 for each in load_weight_files()}
    except NotMeasuredError:
        return ()
    return tuple(name for name in TITLES if name in weights and weights[name] != shipped.get(name))


def load_file(name: str, command: str, parse: Callable[[Any], T]) -> T:
    """A file of the benchmark folder, as what ``parse`` makes of its JSON, or of the rows of its CSV.

    Raises:
        NotMeasuredError: it is missing or not as expected.
    """
    path = benchmark_folder() / name
    try:
        text = path.read_text(encoding="utf-8")
        return parse(list(csv.DictReader(text.splitlines())) if path.suffix == ".csv" else json.loads(text))
    except FileNotFoundError as error:
        raise NotMeasuredError(f"Not measured yet: there is no file {path.name}.", command) from error
    except KeyError as error:
        raise NotMeasuredError(f"{path.name} cannot be used: it has no {error.args[0]!r}.", command) from error
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise NotMeasuredError(f"{path.name} cannot be used: it is not as this page expects ({error}).", command) from error


def _load_keys(name: str, command: str, keys: Sequence[str]) -> Mapping[str, Any]:
    """`load_file` for a document that is shown as it is written; each of the keys must be there."""

    def kept(document: Any) -> Mapping[str, Any]:
        return {key: document[key] for key in keys}

    return load_file(name, command, kept)


def _reference(document: Any) -> Reference:
    networks = {name: {metric: float(row[metric]) for metric in METRICS} for name, row in known_networks(document["networks"])}
    return Reference(str(document["citation"]), int(document["images"]), int(document["test_fields"]), networks)


def _evaluation(document: Any) -> Evaluation:
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


def _training(document: Any) -> Training:
    epochs = tuple(Epoch(**{key: each[key] for key in Epoch.__dataclass_fields__}) for each in document["epochs"])
    if not epochs:
        raise ValueError("it has no epoch")
    weights = {str(name): str(digest) for name, digest in document.get("weights", {}).items()}
    return Training(str(document["network"]), str(document["command"]), epochs, weights)


def _counts(document: Any) -> Counts:
    def by_class(row: Any) -> dict[str, int]:
        return {label: int(row.get(label, 0)) for label in LABELS}

    parts = document.get("parts") or {}
    return Counts(by_class(document["counts"]), {str(part): by_class(row) for part, row in parts.items()})


def _predictions(rows: list[dict[str, str]]) -> tuple[Prediction, ...]:
    if not rows:
        raise ValueError("it has no field")
    labels: dict[str, str] = {}
    voters: dict[str, dict[str, tuple[float, ...]]] = {}
    for row in rows:
        labels[row["file"]] = row["label"]
        voters.setdefault(row["file"], {})[row["network"]] = tuple(float(row[label]) for label in LABELS)
    return tuple(
        Prediction(file, labels[file], tuple(Vote(*each) for each in known_networks(votes)), votes["consensus"])
        for file, votes in voters.items()
    )


def _held_out(rows: list[dict[str, str]]) -> tuple[Prediction, ...]:
    """Logits to probabilities, and their mean over the networks that read every field."""
    if not rows:
        raise ValueError("it has no field")
    labels: dict[str, str] = {}
    voters: dict[str, dict[str, tuple[float, ...]]] = {}
    for row in rows:
        labels[row["file"]] = row["label"]
        voters.setdefault(row["file"], {})[row["network"]] = _softmax([float(row[label]) for label in LABELS])
    complete = set.intersection(*(set(votes) for votes in voters.values()))
    if not complete:
        raise ValueError("no network read every field")
    return tuple(
        Prediction(file, labels[file], tuple(Vote(name, values) for name, values in known_networks(votes)),
                   tuple(fmean(each) for each in zip(*(votes[name] for name in sorted(complete)), strict=True)))
        for file, votes in voters.items()
    )  # fmt: skip


def _softmax(logits: Sequence[float]) -> tuple[float, ...]:
    top = max(logits)
    shares = [exp(each - top) for each in logits]
    return tuple(each / sum(shares) for each in shares)


def _masks(document: Any) -> Masks:
    settings = {
        (row["clusters"], row["min_object"]): Setting(
            int(row["clusters"]), int(row["min_object"]), float(row["nucleus_dice"]["mean"]), float(row["cell_dice"]["mean"])
        )
        for row in document["cells"]["settings"]
    }
    default = settings[document["defaults"]["clusters"], document["defaults"]["min_object"]]
    return Masks(int(document["cells"]["n"]), tuple(settings.values()), default)


def _weight_files(document: Any) -> tuple[WeightFile, ...]:
    return tuple(
        WeightFile(name, str(row["file"]), str(row["sha256"]), int(row["bytes"]), str(row.get("command", "")))
        for name, row in known_networks(document["networks"])
    )


def known_networks(rows: Mapping[str, T]) -> Iterator[tuple[str, T]]:
    """Entries of the five networks, in contract order."""
    return ((name, rows[name]) for name in TITLES if name in rows)


def _leading(probabilities: tuple[float, ...]) -> str:
    return LABELS[max(range(len(LABELS)), key=probabilities.__getitem__)]


def _maybe(value: Any) -> float | None:
    return None if value is None else float(value)
