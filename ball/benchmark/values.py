"""What the benchmark files hold, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ball.labels import LABELS

METRICS: Final[Mapping[str, str]] = {"accuracy": "Accuracy", "f1": "F1", "recall": "Recall", "precision": "Precision", "loss": "Test loss"}
"""The paper's five measures and their titles."""

MEASURES: Final[Mapping[str, str]] = {**METRICS, "balanced_accuracy": "Macro recall"}
"""The measures that can be shown: the paper's five, and the mean recall of the four classes, which no large class carries."""


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


def _leading(probabilities: tuple[float, ...]) -> str:
    return LABELS[max(range(len(LABELS)), key=probabilities.__getitem__)]
