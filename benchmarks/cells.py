"""Do the cells that weigh most decide? Test fields of the paper split.

    python -m benchmarks.cells DATA/all --json weights/benchmark/cells.json

Every cell of a field is taken out in turn. Then the three of most weight (largest change, up or down) are taken out together,
and, for comparison, three drawn at random, several times. How far the consensus of the leading label moves is compared field
by field. Fields with fewer than six cells are passed over: there, three at random are mostly the same three.
``--fields`` takes evenly spread test fields; 0 takes all.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, Final

import numpy as np

from ball.benchmark import CELLS
from ball.cells import territories
from ball.engine import Engine, load_engine
from ball.labels import LABELS
from ball.occlusion import cell_weights, consensus_without
from ball.reading import read
from benchmarks.maps import sample

FIELDS: Final = 40
TAKEN: Final = 3
LEAST: Final = 6
DRAWS: Final = 4


def moved(path: Path, engine: Engine, random: np.random.Generator) -> tuple[float, float] | None:
    """How far the leading label's consensus moves without the weightiest cells, and without as many at random (mean)."""
    reading = read(path, engine=engine, maps=False)
    evidence = reading.evidence
    if evidence is None or reading.leading is None or len(evidence.cells) < LEAST:
        return None
    weights = cell_weights(engine, evidence.segmentation, evidence.cells, reading.leading)
    heaviest = sorted(weights.by_cell, key=lambda number: -abs(weights.by_cell[number]))[:TAKEN]
    drawn = [random.choice(list(weights.by_cell), TAKEN, replace=False).tolist() for _ in range(DRAWS)]
    lands = territories(evidence.segmentation, evidence.cells[0].aspect)
    rows = consensus_without(engine, evidence.segmentation, lands, [heaviest, *drawn])[:, LABELS.index(reading.leading)]
    changes = np.abs(rows - weights.probability)
    return float(changes[0]), float(changes[1:].mean())


def run(folder: Path, count: int) -> dict[str, Any]:
    """All figures."""
    engine, random = load_engine(), np.random.default_rng(0)
    paths = sample(folder, count)
    found = []
    for number, path in enumerate(paths, start=1):
        found += [pair for pair in [moved(path, engine, random)] if pair is not None]
        print(f"{number} of {len(paths)}", flush=True)
    pairs = np.array(found)
    differences = pairs[:, 0] - pairs[:, 1]
    draws = random.integers(0, len(pairs), (2000, len(pairs)))
    low, high = np.percentile(differences[draws].mean(axis=1), (2.5, 97.5))
    command = CELLS if count == FIELDS else f"{CELLS} --fields {count}"
    return {
        "command": command, "split": "paper", "part": "test", "n": len(paths), "measured": len(pairs), "taken": TAKEN, "least_cells": LEAST,
        "weights": dict(engine.hashes),
        "weightiest": round(float(pairs[:, 0].mean()), 4), "random": round(float(pairs[:, 1].mean()), 4),
        "difference": {"mean": round(float(differences.mean()), 4), "ci95": [round(float(low), 4), round(float(high), 4)]},
        "more_in": int((differences > 0).sum()),
    }  # fmt: skip


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
