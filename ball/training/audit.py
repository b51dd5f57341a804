"""The audit: what can be told without a network, and how far the networks fall when a field is changed a little.

A random split of this data set can be passed on colour alone. The baselines here learn from colour and nothing else, or from
the size and shape of the cells, on exactly the splits that the networks learn from: what a network is worth is what it reaches
above them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.ensemble import ExtraTreesClassifier

from ball.cells import field_aspect, find_cells, territories
from ball.labels import LABELS
from ball.perturb import PERTURBATIONS, Perturbation
from ball.segmentation import SCALE_BAR, SIZE, Segmentation, resize, segment
from ball.training.data import Field, thumbnail
from ball.training.evaluation import CONSENSUS, Groups, metrics, rounded
from ball.training.splits import FOLDS, Split, load_split
from ball.trust.appearance import described
from ball.trust.calibration import combine
from ball.trust.store import calibration_for, find_trust

if TYPE_CHECKING:
    from ball.engine import Engine

TREES: Final = 400
BINS: Final = 32
"""Bins of each channel of a histogram."""

SHAPES: Final = ("area", "circularity", "eccentricity", "solidity", "nucleus_to_cell")
"""The measures of a cell that are no colours. The outlines that they are of follow the stain, all the same."""

_SHARES: Final = (10, 25, 50, 75, 90)

TOLERANCE: Final = 0.05
"""How far the probability of the leading label may move between an original and its 224-pixel copy."""

Image = NDArray[np.uint8]
Floats = NDArray[np.float64]
Integers = NDArray[np.intp]
Progress = Callable[[Sequence[Any]], Iterable[Any]]


# ---------------------------------------------------------------- baselines


@dataclass(frozen=True)
class Baseline:
    """A classifier without a network: its title on screen, what it is given of a field, and whether that is colour."""

    title: str
    features: Callable[[Segmentation], Floats]
    of_colour: bool = True


def histogram(pixels: Image) -> Floats:
    """Share of pixels (N, 3) in each of 32 bins of each channel: (96,); zeros where there is no pixel."""
    counts = [np.histogram(pixels[:, channel], bins=BINS, range=(0, 256))[0] for channel in range(3)]
    return np.concatenate(counts).astype(np.float64) / max(len(pixels), 1)


def _field(found: Segmentation) -> Floats:
    return histogram(found.lab.reshape(-1, 3))


def _nuclei(found: Segmentation) -> Floats:
    return histogram(found.lab[found.mask])


def _corner(found: Segmentation) -> Floats:
    return histogram(found.lab[-SCALE_BAR[0] :, -SCALE_BAR[1] :].reshape(-1, 3))


def _mean(found: Segmentation) -> Floats:
    return np.asarray(found.lab.reshape(-1, 3).mean(axis=0, dtype=np.float64))


def _cells(found: Segmentation) -> Floats:
    """Tenth, quarter, middle, three quarters and nine tenths of each measure over the cells not cut by the border: (25,)."""
    cells = find_cells(found, found.mask.shape)
    whole = [cell for cell in cells if not cell.at_border] or cells
    if not whole:
        return np.zeros(len(SHAPES) * len(_SHARES))
    measured = np.array([[getattr(cell, name) for name in SHAPES] for cell in whole], dtype=np.float64)
    return np.asarray(np.percentile(measured, _SHARES, axis=0).ravel(), dtype=np.float64)


BASELINES: Final[Mapping[str, Baseline]] = MappingProxyType(
    {
        "field_histogram": Baseline("Field colours", _field),
        "nuclei_histogram": Baseline("Nucleus colours", _nuclei),
        "scale_bar_corner": Baseline("Scale-bar corner", _corner),
        "mean_colour": Baseline("Mean colour", _mean),
        "cell_shapes": Baseline("Size and shape", _cells, of_colour=False),
    }
)
"""Every baseline by its name in files; histograms and means are of Lab values."""


def describe(segmentations: Iterable[Segmentation]) -> dict[str, Floats]:
    """What every baseline is given of every field: (n, features) by name."""
    rows = [{name: baseline.features(found) for name, baseline in BASELINES.items()} for found in segmentations]
    return {name: np.stack([row[name] for row in rows]) for name in BASELINES}


def baselines(fields: Sequence[Field], features: Mapping[str, Floats], groups: Integers, say: Callable[[str], None]) -> dict[str, Any]:
    """Learn and measure every baseline on both protocols: extra-trees (Geurts et al. 2006, doi:10.1007/s10994-006-6226-1).

    It learns from all that is not test, since it has nothing to choose on a validation part, and is measured on the test
    part; of the stain protocol the test parts are pooled, with intervals by whole stain clusters, as for the networks. The
    loss is left out: the votes of trees are no probabilities, and where no tree is right it is infinite.

    Args:
        fields: all fields.
        features: (n, features) by baseline, from `describe`.
        groups: (n,) number of the group of twins.
        say: told what is done.
    """
    protocols = {"paper": [load_split("paper")], "stain": [load_split("stain", fold) for fold in range(FOLDS)]}
    document: dict[str, Any] = {}
    for protocol, splits in protocols.items():
        found = {}
        for name, values in features.items():
            told = {"title": BASELINES[name].title, "of_colour": BASELINES[name].of_colour}
            found[name] = {**told, **_measure(fields, values, groups, splits)}
            say(f"{protocol}: {BASELINES[name].title.lower()}: accuracy {found[name]['accuracy']:.4f}, "
                f"macro recall {found[name]['balanced_accuracy']:.4f}")
        document[protocol] = {"n": sum(next(iter(found.values()))["confusion"][row][column] for row in range(4) for column in range(4)),
                              "baselines": found}
    return rounded(document)  # type: ignore[no-any-return]


def _measure(fields: Sequence[Field], features: Floats, groups: Integers, splits: Sequence[Split]) -> dict[str, Any]:
    targets = np.array([field.target for field in fields], dtype=np.intp)
    places, probabilities, folds = [], [], []
    for fold, split in enumerate(splits):
        train, test = (np.flatnonzero([field.name in names for field in fields]) for names in (split.train | split.val, split.test))
        forest = ExtraTreesClassifier(TREES, random_state=0, n_jobs=-1).fit(features[train], targets[train])
        spread = np.zeros((len(test), len(LABELS)))
        spread[:, forest.classes_] = forest.predict_proba(features[test])
        places.append(test)
        probabilities.append(spread)
        folds.append(np.full(len(test), fold))
    place, whole, fold_of = np.concatenate(places), np.concatenate(probabilities), np.concatenate(folds)
    drawn = Groups(groups[place]) if len(splits) == 1 else Groups(fold_of * len(LABELS) + targets[place], strata=targets[place])
    figures = metrics(whole, targets[place], drawn)
    figures["ci95"].pop("loss", None)
    figures.pop("loss")
    if len(splits) > 1:
        right = whole.argmax(axis=1) == targets[place]
        figures["folds"] = [float(right[fold_of == fold].mean()) for fold in range(len(splits))]
    return figures


# ---------------------------------------------------------------- changed fields


def _glass(rgb: Image, height: int, width: int) -> Image:
    """A field with its lower right corner covered by what lies above it, mirrored."""
    changed = rgb.copy()
    changed[-height:, -width:] = rgb[-2 * height : -height, -width:][::-1]
    return changed


def erase_scale_bar(rgb: Image) -> Image:
    """Cover the corner where this data set prints a scale bar."""
    return _glass(rgb, *_bar(rgb))


def move_scale_bar(rgb: Image) -> Image:
    """Move that corner, with the bar in it, to the upper left."""
    height, width = _bar(rgb)
    changed = _glass(rgb, height, width)
    changed[:height, :width] = rgb[-height:, -width:]
    return changed


def half_of_cells(field: Segmentation) -> Image:
    """A masked field (H, W, 3) without every second of its cells, touching ones told apart."""
    numbers = territories(field, field_aspect(field.mask.shape))
    gone = (numbers > 0) & (numbers % 2 == 0)
    return np.where(gone[..., None], np.uint8(0), field.masked)


def _bar(rgb: Image) -> tuple[int, int]:
    height, width = rgb.shape[:2]
    return round(SCALE_BAR[0] * height / SIZE), round(SCALE_BAR[1] * width / SIZE)


UNCHANGED: Final = Perturbation("unchanged", "unchanged", "none", lambda rgb: rgb)
HALF: Final = Perturbation("half-of-cells", "half of the cells taken out", "cells", lambda rgb: rgb)
NO_MASK: Final = Perturbation("no-mask", "without the mask", "mask", lambda rgb: rgb)
CONDITIONS: Final = (
    UNCHANGED,
    *PERTURBATIONS.values(),
    Perturbation("scale-bar-erased", "scale bar erased", "scale bar", erase_scale_bar),
    Perturbation("scale-bar-moved", "scale bar moved", "scale bar", move_scale_bar),
    HALF,
    NO_MASK,
)
"""What the networks are tried under; the first is what the others are compared with."""


def robustness(
    images: Sequence[Image], targets: Integers, engine: Engine, conditions: Sequence[Perturbation] = CONDITIONS, progress: Progress = iter
) -> list[dict[str, Any]]:
    """Read every field under every condition.

    Args:
        images: fields, RGB uint8 of any size; they are brought to 224 x 224 before they are changed.
        targets: (n,) index of the true label.
        engine: the networks.
        conditions: what to try; the first is what the others are compared with.
        progress: passes conditions on.

    Returns:
        One entry a condition: name, title, kind, and by voter the accuracy, the points of it lost (0..1, negative where
        gained) and the share of fields whose label turned. The consensus is that of a reading.
    """
    small = [resize(image, (SIZE, SIZE)) for image in images]
    before: dict[str, Integers] = {}
    entries = []
    for condition in progress(list(conditions)):
        called = {name: values.argmax(axis=1) for name, values in _read(small, condition, engine).items()}
        before = before or called
        voters = {
            name: {
                "accuracy": float((labels == targets).mean()),
                "lost": float((before[name] == targets).mean() - (labels == targets).mean()),
                "turned": float((labels != before[name]).mean()),
            }
            for name, labels in called.items()
        }
        entries.append({"name": condition.name, "title": condition.title, "kind": condition.kind, "voters": voters})
    return rounded(entries)  # type: ignore[no-any-return]


def _read(images: Sequence[Image], condition: Perturbation, engine: Engine, batch: int = 16) -> dict[str, Floats]:
    """Softmax (n, classes) by network and, last, the consensus, as a reading has them."""
    trust = find_trust(engine.folder)
    found: dict[str, list[Floats]] = {name: [] for name in engine.models}
    looks: list[Floats] = []
    for start in range(0, len(images), batch):
        changed = [condition(image) for image in images[start : start + batch]]
        fields = [segment(image) for image in changed]
        shown = [_shown(field, condition) for field in fields]
        for name, output in engine.predict(np.stack(shown)).items():
            found[name].append(softmax(output.logits.double().numpy(), axis=1))
        looks += [described(image, field).values for image, field in zip(changed, fields, strict=True)]
    joined = {name: np.concatenate(values) for name, values in found.items()}
    known = trust.familiarity if trust else None
    vouched = known.vouched(known.strangeness(np.array(looks))) if known else np.ones(len(looks))
    return {**joined, CONSENSUS: combine(joined, calibration_for(trust, engine.hashes), vouched)}


def _shown(field: Segmentation, condition: Perturbation) -> Image:
    """What the networks see of a field."""
    if condition is NO_MASK:
        return field.resized
    return half_of_cells(field) if condition is HALF else field.masked


def originals(
    large: Sequence[tuple[str, Image]], fields: Sequence[Field], thumbnails: NDArray[np.float32], read: Callable[[Field], Image],
    engine: Engine,
) -> list[dict[str, Any]]:
    """Fields at their first size against their 224-pixel copies in the data set.

    Args:
        large: name and RGB of each original.
        fields: the data set, where the copies are looked for.
        thumbnails: (n, 1024) of ``fields``, as `ball.training.data.thumbnail` makes them.
        read: decodes a field.
        engine: the networks.

    Returns:
        One entry an original: file, copy, their correlation at 32 x 32, and by voter both labels, how far the probability of
        the original's label moves, and whether label and probability (within 0.05) are the same.
    """
    entries = []
    for name, rgb in large:
        alike = thumbnails @ thumbnail(rgb)
        copy = fields[int(alike.argmax())]
        one, other = (_read([image], UNCHANGED, engine) for image in (rgb, read(copy)))
        voters = {voter: _compare(one[voter][0], other[voter][0]) for voter in one}
        entries.append({"file": name, "copy": copy.name, "correlation": float(alike.max()), "voters": voters})
    return rounded(entries)  # type: ignore[no-any-return]


def _compare(one: Floats, other: Floats) -> dict[str, Any]:
    label = int(one.argmax())
    moved = float(abs(one[label] - other[label]))
    same = label == int(other.argmax()) and moved <= TOLERANCE
    return {"label": LABELS[label], "copy_label": LABELS[int(other.argmax())], "moved": moved, "same": same}
