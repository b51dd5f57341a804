"""How closely the refined masks follow hand-drawn ones: settings chosen in folds, figures of cells that chose none of them.

    python -m benchmarks.masks DATA --json weights/benchmark/masks.json

DATA holds ``wbc_masks`` (300 single white cells; 255 nucleus, 128 cytoplasm) and ``all`` (fields in class folders). The
drawings leave out neighbours cut by the picture's edge, so objects that touch the edge are passed over where others
are found; the figures with all objects stand beside them. In every fold the other four choose ``apart`` and ``purple``
(nuclei) and ``reach`` and ``stain`` (whole cells) from a few values. The folds are whole runs of file numbers, since
neighbours in the list come from one slide. The defaults lie between what the folds choose and what B-ALL fields need by
eye: there, near centres are dark and pale chromatin of one blast, and far pixels are red cells. They are scored beside.
On B-ALL fields, which come without drawn masks, the refined nuclei are compared with the paper's mask: a share far under
1 would be a collapse.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ball.benchmark import MASKS
from ball.cells import label_nuclei
from ball.images import decode
from ball.labels import LABELS
from ball.nuclei import Refined, Settings, refine
from ball.segmentation import Parameters, segment
from ball.training.data import find_fields
from benchmarks.segmentation import Cell, cells, dice

FOLDS: Final = 5
STEP: Final = 20
GRID: Final = tuple(
    [Settings(apart=apart, purple=purple) for apart in (0.2, 0.25, 0.3) for purple in (1.0, 2.0)]
    + [Settings(reach=reach, stain=stain) for reach in (0.6, 0.8) for stain in (0.1, 0.2)]
)
"""Settings tried; the defaults among them."""

Mask = NDArray[np.bool_]


def within(mask: Mask) -> Mask:
    """The objects of a mask that do not touch the picture's edge; all of them where every one does."""
    marks, count = ndimage.label(mask)
    keep = np.ones(count + 1, dtype=bool)
    keep[np.concatenate([marks[0], marks[-1], marks[:, 0], marks[:, -1]])] = False
    keep[0] = False
    return np.asarray(keep[marks], dtype=bool) if keep.any() else mask


def scores(refined: Refined, drawn: NDArray[np.uint8]) -> tuple[float, float, float, float]:
    """Dice of nucleus and whole cell without objects at the edge, then with all."""
    nucleus, whole = drawn > 191, drawn > 63
    inner = dice(within(refined.nuclei), nucleus), dice(within(refined.cells), whole)
    return (*inner, dice(refined.nuclei, nucleus), dice(refined.cells, whole))


def measure(pairs: Sequence[Cell]) -> NDArray[np.float64]:
    """(settings, cells, 4) scores."""
    found = []
    for rgb, drawn in pairs:
        seeds = segment(rgb, Parameters(clear_scale_bar=False), size=None).mask
        found.append([scores(refine(rgb, seeds, how), drawn) for how in GRID])
    return np.array(found).transpose(1, 0, 2)


def out_of_fold(table: NDArray[np.float64]) -> tuple[NDArray[np.float64], list[dict[str, Any]]]:
    """(cells, 4) scores by the settings that the other folds choose, for nuclei and for whole cells, and those settings."""
    count = table.shape[1]
    folds = np.arange(count) * FOLDS // count
    result, chosen = np.zeros((count, 4)), []
    for fold in range(FOLDS):
        best = table[:, folds != fold].mean(axis=1)[:, :2].argmax(axis=0)
        for part in (0, 1):
            result[folds == fold, part::2] = table[best[part], folds == fold, part::2]
        chosen.append({"nucleus": _named(best[0], "apart", "purple"), "cell": _named(best[1], "reach", "stain", "apart", "purple")})
    return result, chosen


def _named(index: int, *names: str) -> dict[str, float]:
    return {name: getattr(GRID[index], name) for name in names}


def summary(values: NDArray[np.float64]) -> dict[str, Any]:
    """Mean with its 95 % bootstrap interval, median and the count under 0.85, of each score."""
    draws = np.random.default_rng(0).integers(0, len(values), (2000, len(values)))
    low, high = np.percentile(values[draws].mean(axis=1), (2.5, 97.5), axis=0)
    names = ("nucleus_dice", "cell_dice", "nucleus_dice_all_objects", "cell_dice_all_objects")
    return {
        name: {
            "mean": round(float(values[:, place].mean()), 4), "ci95": [round(float(low[place]), 4), round(float(high[place]), 4)],
            "median": round(float(np.median(values[:, place])), 4), "under_085": int((values[:, place] < 0.85).sum()),
        }
        for place, name in enumerate(names)
    }  # fmt: skip


def on_fields(folder: Path) -> dict[str, Any]:
    """Refined nuclei as a share of the paper's mask, and nuclei counted against its objects, by class."""
    found: dict[str, list[tuple[float, int, int]]] = {label: [] for label in LABELS}
    for field in find_fields(folder)[::STEP]:
        paper = segment(decode(field.path.read_bytes()).rgb)
        if paper.empty:
            continue
        nuclei = refine(paper.resized, paper.mask).nuclei
        found[field.label].append((float(nuclei.sum() / paper.mask.sum()), int(label_nuclei(nuclei, 4 / 3).max()), paper.count))
    return {
        label: {
            "fields": len(rows), "median_share": round(float(np.median([row[0] for row in rows])), 3),
            "least_share": round(min(row[0] for row in rows), 3), "under_half": sum(row[0] < 0.5 for row in rows),
            "nuclei": sum(row[1] for row in rows), "objects": sum(row[2] for row in rows),
        }
        for label, rows in found.items() if rows
    }  # fmt: skip


def run(data: Path) -> dict[str, Any]:
    """All figures."""
    pairs = list(cells(data / "wbc_masks"))
    table = measure(pairs)
    chosen_scores, chosen = out_of_fold(table)
    return {
        "command": MASKS,
        "defaults": asdict(Settings()),
        "n": len(pairs),
        "folds": FOLDS,
        "out_of_fold": summary(chosen_scores),
        "chosen": chosen,
        "with_defaults": summary(table[GRID.index(Settings())]),
        "fields": {"every": STEP, "classes": on_fields(data / "all")},
    }


def main() -> None:
    """Measure, print, and write where asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="folder that holds wbc_masks and all")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    arguments = parser.parse_args()
    document = run(arguments.data)
    print(json.dumps({key: document[key] for key in ("out_of_fold", "with_defaults", "chosen", "fields")}, indent=1))
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
