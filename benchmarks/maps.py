"""Do the class maps deserve trust? Test fields of the paper split, each network's map for its own vote, by every method offered.

    python -m benchmarks.maps DATA/all --json weights/benchmark/maps.json

Measured are the share of the map's energy on cells, against an even map (chance) and against the best that a map of the
same squares can do (ideal); how far the vote's probability falls without the stained pixels that the map rates highest,
against as many that it rates lowest (after ROAD, arXiv:2202.00449; what is taken out becomes black, as all outside the
mask is): alike, the map says nothing of the vote; and what becomes of the map when the network's weights are drawn at
random (Adebayo et al. 2018, arXiv:1810.03292): a map that stays the same shows the field and nothing of the network.
``--fields`` takes evenly spread fields, 0 all. ``--part val`` takes the fields on which methods may be chosen.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import spearmanr

from ball.benchmark import MAPS
from ball.engine import load_engine
from ball.explain import label_map
from ball.focus import Focus, focus, without
from ball.labels import LABELS
from ball.names import METHODS, Method
from ball.networks import NETWORKS, Classifier, normalised
from ball.reading import read
from ball.segmentation import Segmentation
from ball.training.data import find_fields
from ball.training.recipe import held_to_cells
from ball.training.splits import load_split
from ball.weights import Store

FIELDS: Final = 24
SEED: Final = 0
SHARES: Final = (0.2, 0.5)
"""Of the stained pixels, taken out in turn; the falls are averaged."""

Heat = NDArray[np.float32]


@dataclass(frozen=True)
class Worth:
    """What one map is worth.

    ``focus``: None where the map is empty. ``likeness``: rank correlation with the map of random weights, None where one is
    the same everywhere. ``most``, ``least``: by how much the vote's probability falls without what the map rates highest,
    and lowest.
    """

    focus: Focus | None
    likeness: float | None
    most: float
    least: float


def sample(folder: Path, count: int, part: str = "test") -> list[Path]:
    """Fields of a part of the paper split, evenly spread over the list of all; every one for 0."""
    names = load_split("paper").part(part)
    paths = [field.path for field in find_fields(folder) if field.name in names]
    places = np.linspace(0, len(paths) - 1, min(count or len(paths), len(paths))).round().astype(int)
    return [paths[place] for place in places]


def untrained(folder: Path) -> dict[str, Classifier]:
    """The five networks with weights drawn at random, as before any training."""
    store = Store(folder)
    for name, network in NETWORKS.items():
        torch.manual_seed(SEED)
        store.save(name, Classifier(network).net.state_dict(), {"command": MAPS, "data": "none", "side": Store().side(name)})
    return {name: store.load(name) for name in NETWORKS}


def worth(model: Classifier, random: Classifier, segmentation: Segmentation, label: str) -> dict[Method, Worth]:
    """What the map of each method is worth, on one field and for one label."""
    masked, mask = segmentation.masked, segmentation.mask
    heats: dict[Method, Heat] = {method: label_map(model, masked, method, label) for method in METHODS}
    changed = np.stack([without(masked, mask, heat, share) for heat in heats.values() for share in SHARES])
    probable = probabilities(model, np.concatenate([masked[None], changed.reshape(-1, *masked.shape)]), label)
    falls = (probable[0] - probable[1:]).reshape(len(heats), len(SHARES), 2).mean(axis=1)
    return {
        method: Worth(focus(heat, mask), alike(heat, label_map(random, masked, method, label)), float(most), float(least))
        for (method, heat), (most, least) in zip(heats.items(), falls, strict=True)
    }


@torch.inference_mode()
def probabilities(model: Classifier, masked: NDArray[np.uint8], label: str) -> NDArray[np.float64]:
    """Raw softmax of one label for each of some masked fields, (N,)."""
    logits = model(normalised(torch.from_numpy(masked), model.side))
    found: NDArray[np.float64] = logits.double().softmax(dim=1)[:, LABELS.index(label)].numpy()
    return found


def figures(found: Sequence[Worth]) -> dict[str, Any]:
    """What is written of one network and method. Shares are means over the fields with a map that is not empty."""
    seen = [each.focus for each in found if each.focus is not None]
    of_ideal = [each.of_ideal for each in seen]
    likeness = [each.likeness for each in found if each.likeness is not None]
    apart = [each.most - each.least for each in found]
    return {
        "fields": len(found),
        "empty": len(found) - len(seen),
        "on_cells": _mean([each.on_cells for each in seen]),
        "by_chance": _mean([each.by_chance for each in seen]),
        "ideal": _mean([each.ideal for each in seen]),
        "of_ideal": {"mean": _mean(of_ideal), "ci95": _interval(of_ideal)},
        "taken_out": {
            "most": _mean([each.most for each in found]), "least": _mean([each.least for each in found]),
            "difference": {"mean": _mean(apart), "ci95": _interval(apart)},
        },
        "randomised": {"compared": len(likeness), "spearman": {"mean": _mean(likeness), "ci95": _interval(likeness)}},
    }  # fmt: skip


def alike(first: Heat, second: Heat) -> float | None:
    """Rank correlation of two maps; None where one is the same everywhere."""
    if first.min() == first.max() or second.min() == second.max():
        return None
    return float(spearmanr(first.ravel(), second.ravel()).statistic)


def run(folder: Path, count: int, part: str) -> dict[str, Any]:
    """All figures."""
    engine = load_engine()
    found: dict[str, dict[Method, list[Worth]]] = {name: {method: [] for method in METHODS} for name in engine.models}
    paths = sample(folder, count, part)
    with tempfile.TemporaryDirectory() as place:
        random = untrained(Path(place))
        for number, path in enumerate(paths, start=1):
            reading = read(path, engine=engine, maps=False)
            if reading.evidence is not None:
                for vote in reading.votes:
                    name = vote.network
                    for method, each in worth(engine.models[name], random[name], reading.evidence.segmentation, vote.label).items():
                        found[name][method].append(each)
            print(f"{number} of {len(paths)}", flush=True)
    command = MAPS if count == FIELDS else f"{MAPS} --fields {count}"
    return {
        "command": command if part == "test" else f"{command} --part {part}", "split": "paper", "part": part, "n": len(paths),
        "weights": dict(engine.hashes), "asked": asked(engine.folder),
        "networks": {name: {method: figures(each) for method, each in methods.items()} for name, methods in found.items()},
    }  # fmt: skip


def asked(folder: Path) -> list[str]:
    """Networks whose training asked for maps that lie on cells: for those that they do is no discovery."""
    entries = Store(folder).manifest()["networks"]
    return [name for name in NETWORKS if held_to_cells(entries.get(name, {}).get("recipe", {}))]


def _mean(values: Sequence[float]) -> float | None:
    return round(float(np.mean(values)), 4) if len(values) else None


def _interval(values: Sequence[float]) -> list[float] | None:
    """95 % bootstrap interval of a mean over fields."""
    if not len(values):
        return None
    array = np.array(values)
    draws = np.random.default_rng(SEED).integers(0, len(array), (2000, len(array)))
    return [round(float(end), 4) for end in np.percentile(array[draws].mean(axis=1), (2.5, 97.5))]


def main() -> None:
    """Measure, print, and write where asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="folder of class folders")
    parser.add_argument("--fields", type=int, default=FIELDS, help="how many fields; 0 for all")
    parser.add_argument("--part", choices=("val", "test"), default="test", help="part of the paper split")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    arguments = parser.parse_args()
    document = run(arguments.data, arguments.fields, arguments.part)
    print(json.dumps(document, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
