"""Do the class maps deserve trust? Test fields of the paper split, each network's map for its own vote.

    python -m benchmarks.maps DATA/all --json weights/benchmark/maps.json

Measured are the share of the map's energy on cells, against an even map (chance) and against the best that a map of the
same squares can do (ideal); and what becomes of the map when the network's weights are drawn at random (Adebayo et al.
2018, arXiv:1810.03292): a map that stays the same shows the field and nothing of the network. ``--fields`` takes evenly
spread test fields; 0 takes all.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import spearmanr

from ball.benchmark import MAPS
from ball.engine import Engine, load_engine
from ball.focus import Focus, focus
from ball.labels import LABELS
from ball.networks import NETWORKS, Classifier
from ball.reading import Reading, read
from ball.training.data import find_fields
from ball.training.splits import load_split
from ball.weights import Store

FIELDS: Final = 40
SEED: Final = 0


def sample(folder: Path, count: int) -> list[Path]:
    """Test fields of the paper split, evenly spread over the list of all; every one for 0."""
    names = load_split("paper").test
    paths = [field.path for field in find_fields(folder) if field.name in names]
    places = np.linspace(0, len(paths) - 1, min(count or len(paths), len(paths))).round().astype(int)
    return [paths[place] for place in places]


def random_engine(folder: Path) -> Engine:
    """The five networks with weights drawn at random, as before any training."""
    for name, network in NETWORKS.items():
        torch.manual_seed(SEED)
        Store(folder).save(name, Classifier(network).net.state_dict(), {"command": MAPS, "data": "none", "side": Store().side(name)})
    return Engine(Store(folder))


def voted(reading: Reading, label_of: Reading, network: str) -> NDArray[np.float32] | None:
    """The map of one network for the label that it votes for in another reading."""
    if reading.evidence is None:
        return None
    label = next(vote.label for vote in label_of.votes if vote.network == network)
    heat: NDArray[np.float32] = reading.evidence.maps[network][LABELS.index(label)]
    return heat


def figures(found: Sequence[Focus | None], likeness: Sequence[float]) -> dict[str, Any]:
    """What is written of one network. Shares are means over the fields with a map that is not empty."""
    seen = [each for each in found if each is not None]
    of_ideal = [each.of_ideal for each in seen]
    return {
        "fields": len(found),
        "empty": len(found) - len(seen),
        "on_cells": _mean([each.on_cells for each in seen]),
        "by_chance": _mean([each.by_chance for each in seen]),
        "ideal": _mean([each.ideal for each in seen]),
        "of_ideal": {"mean": _mean(of_ideal), "ci95": _interval(of_ideal)},
        "randomised": {"compared": len(likeness), "spearman": {"mean": _mean(likeness), "ci95": _interval(likeness)}},
    }


def alike(first: NDArray[np.float32], second: NDArray[np.float32]) -> float | None:
    """Rank correlation of two maps; None where one is the same everywhere."""
    if first.min() == first.max() or second.min() == second.max():
        return None
    return float(spearmanr(first.ravel(), second.ravel()).statistic)


def run(folder: Path, count: int) -> dict[str, Any]:
    """All figures."""
    engine = load_engine()
    found: dict[str, list[Focus | None]] = {name: [] for name in engine.models}
    likeness: dict[str, list[float]] = {name: [] for name in engine.models}
    paths = sample(folder, count)
    with tempfile.TemporaryDirectory() as place:
        untrained = random_engine(Path(place))
        for number, path in enumerate(paths, start=1):
            ours, other = read(path, engine=engine), read(path, engine=untrained)
            for name in engine.models:
                heat, control = voted(ours, ours, name), voted(other, ours, name)
                if heat is None or control is None or ours.evidence is None:
                    continue
                found[name].append(focus(heat, ours.evidence.segmentation.mask))
                likeness[name] += [value for value in [alike(heat, control)] if value is not None]
            print(f"{number} of {len(paths)}", flush=True)
    command = MAPS if count == FIELDS else f"{MAPS} --fields {count}"
    networks = {name: figures(found[name], likeness[name]) for name in found}
    return {"command": command, "split": "paper", "part": "test", "n": len(paths), "networks": networks}


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
    parser.add_argument("--fields", type=int, default=FIELDS, help="how many test fields; 0 for all")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    arguments = parser.parse_args()
    document = run(arguments.data, arguments.fields)
    print(json.dumps(document, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
